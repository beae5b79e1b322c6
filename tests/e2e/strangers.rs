//! Strangers, idle, slow and forging, beside a portal that works.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tests::{Shape, Stack};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};

/// `[registrar.questions]`: one source's in a minute.
const PER_SOURCE: u64 = 60;
/// Where forged callbacks come from.
const FORGERS: u8 = 8;
const WORKFLOWS: usize = 100;

/// Idle and trickling connections: 20,000, or as many as the limit of open files leaves.
fn connections() -> anyhow::Result<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let limit = line
        .and_then(|line| line.split_whitespace().nth(3))
        .context("no limit")?;
    Ok(limit.parse().unwrap_or(usize::MAX).saturating_sub(2_000).min(20_000))
}

async fn idle(to: SocketAddr, number: usize) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 0, 0, 66), 0).into())?;
    let mut stream = socket.connect(to).await?;
    let text = match number % 3 {
        0 => "",
        1 => "POST /bitrix/demo/ac",
        _ => {
            "POST /bitrix/demo/event HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: 1000\r\n\r\nevent="
        }
    };
    // It may be closed by now.
    let _ = stream.write_all(text.as_bytes()).await;
    Ok(stream)
}

/// Of each, the half names the portal that is known.
async fn forge(stack: &Stack, forger: u8, count: usize) -> anyhow::Result<u64> {
    #[expect(clippy::disallowed_methods, reason = "has the address of a stranger")]
    let http = reqwest::Client::builder()
        .local_address(std::net::IpAddr::from([127, 0, 1, forger]))
        .build()?;
    let mut taken = 0;
    for number in 0..count {
        let member = match number % 2 {
            0 => &stack.emulator.portal().member_id,
            _ => "nobody",
        };
        let body = format!(
            "workflow_id=forged-{forger}-{number}&code=md5&event_token=forged-{forger}-{number}%7CA1%7Cx.47dd5d88&\
             document_id[0]=crm&document_id[1]=D&document_id[2]=1&properties[inputString]=x&use_subscription=Y&\
             auth[access_token]=forged-{forger}-{number}&auth[member_id]={member}&auth[application_token]=guessed"
        );
        let request = http.post(stack.url("event")).body(body);
        let response = request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .send()
            .await?;
        taken += u64::from(response.status().is_success());
    }
    Ok(taken)
}

async fn work(stack: &Stack) -> anyhow::Result<()> {
    let workflow = async || {
        let step = json!({"name": "A1", "code": "md5", "properties": {"inputString": "x"}});
        let workflow = stack.emulator.workflow(json!([step])).await?;
        stack.emulator.finished(&workflow).await
    };
    stream::iter((0..WORKFLOWS).map(|_| workflow()))
        .buffer_unordered(4)
        .try_for_each(|ended| async move {
            let value = &ended["values"]["A1"]["outputString"];
            anyhow::ensure!(value == "9dd4e461268c8034f5c8564e155c67a6", "{ended}");
            Ok(())
        })
        .await
}

/// Questions about forged tokens, as the OAuth server counts them.
async fn questions(stack: &Stack) -> anyhow::Result<u64> {
    let url = format!("{}/control/oauth", stack.emulator.running.control_url);
    let counts: Value = stack.http.get(url).send().await?.json().await?;
    let app_info = &counts["requests"]["app_info"];
    anyhow::ensure!(app_info.is_object(), "{counts}");
    Ok(app_info["invalid_token"].as_u64().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_cost_nobody_a_workflow_and_the_oauth_server_its_budget_of_questions() -> anyhow::Result<()> {
    let stack = Stack::start(Shape::Separate).await?;
    stack.install().await?;
    let gateway = stack.url("event").parse::<reqwest::Url>()?;
    let gateway: SocketAddr = (Ipv4Addr::LOCALHOST, gateway.port().context("no port")?).into();
    #[expect(clippy::disallowed_methods, reason = "a budget is by time")]
    let begin = tokio::time::Instant::now();
    let mut held = Vec::new();
    let count = connections()?;
    for number in 0..count / 2 {
        held.push(idle(gateway, number).await?);
    }
    let idle_ones = async {
        for number in count / 2..count {
            held.push(idle(gateway, number).await?);
        }
        anyhow::Ok(held)
    };
    let forged = stream::iter((1..=FORGERS).map(|forger| forge(&stack, forger, 2_100)))
        .buffer_unordered(FORGERS.into())
        .try_fold(0, async |all, taken| Ok(all + taken));
    let (held, taken, ()) = tokio::try_join!(idle_ones, forged, work(&stack))?;
    let asked = questions(&stack).await?;
    let seconds = begin.elapsed().as_secs() + 1;
    #[expect(clippy::print_stdout, reason = "how much it was depends on the limit of open files")]
    {
        println!("{count} connections, {taken} forged callbacks taken, {asked} questions in {seconds} s");
    }
    let budget = u64::from(FORGERS) * PER_SOURCE;
    assert!(
        asked > 0 && asked <= budget + budget * seconds / 60,
        "{asked} in {seconds} s"
    );
    let proved = format!("gateway_posts_total{{shape=\"callback\"}} {WORKFLOWS}\n");
    let metrics = stack.metrics().await?;
    assert!(metrics.contains(&proved), "all of them were accepted\n{metrics}");
    drop(held);
    Ok(())
}
