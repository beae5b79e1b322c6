//! A workflow waits on an activity, the services answer, the workflow goes on with the value.

use serde_json::json;
use tests::{Shape, Stack};

#[tokio::test]
async fn a_workflow_gets_its_md5_from_three_processes() -> anyhow::Result<()> {
    main_job(Shape::Separate).await
}

#[tokio::test]
async fn a_workflow_gets_its_md5_from_one_process() -> anyhow::Result<()> {
    main_job(Shape::Serve).await
}

async fn main_job(shape: Shape) -> anyhow::Result<()> {
    let stack = Stack::start(shape).await?;
    stack.install().await?;
    let emulator = &stack.emulator;
    let step = json!({"name": "A1", "code": "md5", "properties": {"inputString": "Тестовый текст: Тест событий для поста в ЖЛ"}});
    let workflow = emulator.workflow(json!([step])).await?;
    let workflow = emulator.finished(&workflow).await?;
    assert_eq!(
        workflow["values"]["A1"]["outputString"], "4bad12db761a7db93a63af80fe200b3b",
        "{workflow}"
    );
    let counters = emulator.get("counters").await?;
    assert_eq!(counters["answers_accepted"], 1, "{counters}");
    Ok(())
}
