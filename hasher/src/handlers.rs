//! The methods of `hasher.v1.Hasher`.

mod deadline;
mod invalid;

use data_encoding::HEXLOWER;
use proto::hasher::v1::{
    Algorithm, DigestRequest, DigestResponse, Encoding, Md5Request, Md5Response, hasher_server::Hasher,
};
use service::SharedClock;
use tonic::{Request, Response, Status};

use self::{deadline::Deadline, invalid::invalid};
use crate::{algorithm::Hash, encoding::alphabet};

/// Bytes hashed before other calls get their turn: about a millisecond of the slowest algorithm.
const TURN: usize = 256 * 1024;
/// What a string costs on the wire besides its bytes: a tag and a length of at most two bytes, for a digest.
const STRING_OVERHEAD: usize = 3;

/// The service.
pub(crate) struct Handlers {
    clock: SharedClock,
    max_message_bytes: usize,
}

impl Handlers {
    pub(crate) fn new(clock: SharedClock, max_message_bytes: usize) -> Self {
        Self {
            clock,
            max_message_bytes,
        }
    }
}

#[tonic::async_trait]
impl Hasher for Handlers {
    async fn md5(&self, request: Request<Md5Request>) -> Result<Response<Md5Response>, Status> {
        let hash = Hash::of(Algorithm::Md5).expect("MD5 is an algorithm");
        let text = request.into_inner().input_string;
        let output_string = hash.digest(&text, |digest| HEXLOWER.encode(digest));
        Ok(Response::new(Md5Response { output_string }))
    }

    async fn digest(&self, request: Request<DigestRequest>) -> Result<Response<DigestResponse>, Status> {
        let mut deadline = Deadline::of(&request, &self.clock);
        let request = request.into_inner();
        let (hash, alphabet) = check(&request, self.max_message_bytes)?;
        let mut digests = Vec::with_capacity(request.input.len());
        for text in &request.input {
            digests.push(hash.digest(text, |digest| alphabet.encode(digest)));
            // A short text is no cheaper than a block of the algorithm.
            deadline.spent(text.len().max(hash.length)).await?;
        }
        Ok(Response::new(DigestResponse { digests }))
    }
}

fn check(request: &DigestRequest, max_message_bytes: usize) -> Result<(Hash, data_encoding::Encoding), Status> {
    let texts = request.input.len();
    if texts == 0 {
        return Err(invalid("input", "INPUT_EMPTY", "give at least one text"));
    }
    let Ok(algorithm) = Algorithm::try_from(request.algorithm) else {
        let problem = format!("{} is no algorithm", request.algorithm);
        return Err(invalid("algorithm", "ALGORITHM_UNKNOWN", problem));
    };
    let Some(hash) = Hash::of(algorithm) else {
        return Err(invalid("algorithm", "ALGORITHM_UNSPECIFIED", "choose an algorithm"));
    };
    let Ok(encoding) = Encoding::try_from(request.encoding) else {
        let problem = format!("{} is no encoding", request.encoding);
        return Err(invalid("encoding", "ENCODING_UNKNOWN", problem));
    };
    let alphabet = alphabet(encoding);
    // Short texts have long digests: two million empty ones fit into a request, and not their digests into an answer.
    let answer = texts.saturating_mul(alphabet.encode_len(hash.length) + STRING_OVERHEAD);
    if answer > max_message_bytes {
        let problem = format!("{texts} digests need {answer} bytes, more than the {max_message_bytes} of an answer");
        return Err(invalid("input", "INPUT_TOO_LONG", problem));
    }
    Ok((hash, alphabet))
}
