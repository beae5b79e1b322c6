mod calls;
mod replies;
