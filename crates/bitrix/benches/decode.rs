//! `cargo bench --package bitrix --bench decode`: how long hostile forms of 1, 2, 4 and 8 MiB take to decode.
//!
//! Limits are open as far as they go, so that the whole body is worked on. A line a shape: milliseconds by size, what doubling the size
//! costs on average (2: linear, 4: quadratic), and the largest body at the default limits. Ends with 1 when doubling costs more than
//! [`LINEAR`]. Millions of small values outgrow the caches on the way, which makes up to 2.7 of 2; on a busy machine more.
#![expect(clippy::print_stdout, reason = "a table for people")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::{hint::black_box, process::ExitCode, time::Instant};

use bitrix::form::{Limits, decode};

const MIB: usize = 1 << 20;
const SIZES: [usize; 4] = [MIB, 2 * MIB, 4 * MIB, 8 * MIB];
/// The best of as many runs: others may work on the same machine.
const RUNS: usize = 5;
const LINEAR: f64 = 2.8;

const OPEN: Limits = Limits {
    pairs: usize::MAX,
    depth: usize::MAX,
    bytes: usize::MAX,
};

/// A name and the n-th piece of a body.
type Shape = (&'static str, fn(usize) -> String);

const SHAPES: [Shape; 14] = [
    ("many keys", |n| format!("k{n}=&")),
    ("many elements", |_| "a[]=&".to_owned()),
    ("many arrays", |n| format!("a[{n}][]=&")),
    ("one key again and again", |_| "a=1&".to_owned()),
    ("deep keys", |n| format!("a{n}{}=&", "[b]".repeat(200))),
    ("deep lists", |_| format!("a{}=&", "[]".repeat(200))),
    ("texts that collide in PHP", |n| format!("{}=&", colliding(n))),
    ("integers that collide in PHP", |n| format!("a[{}]=&", n << 24)),
    ("all percent", |_| "%".to_owned()),
    ("all encoded", |_| "%5b".to_owned()),
    ("all brackets", |_| "[".to_owned()),
    ("brackets without end", |_| "a[b[c[&".to_owned()),
    ("all blanks", |_| "+".to_owned()),
    ("all separators", |n| ["&", "=", "]"][n % 3].to_owned()),
];

/// Texts that all have one hash in PHP, whose hash weighs a letter 33 times the next.
fn colliding(n: usize) -> String {
    (0..24).map(|bit| if n >> bit & 1 == 0 { "Ez" } else { "FY" }).collect()
}

fn main() -> ExitCode {
    println!(
        "{:29} {:>8} {:>8} {:>8} {:>8}  doubling   at the default limits",
        "ms by MiB", 1, 2, 4, 8
    );
    let mut linear = true;
    for (name, piece) in SHAPES {
        let mut body = String::with_capacity(SIZES[3] + 1024);
        for n in 0.. {
            if body.len() >= SIZES[3] {
                break;
            }
            body.push_str(&piece(n));
        }
        let body = &body.as_bytes()[..SIZES[3]];
        let times = SIZES.map(|size| milliseconds(&body[..size], &OPEN));
        let doubling = (times[3] / times[0]).cbrt();
        linear &= doubling <= LINEAR;
        let [one, two, four, eight] = times;
        let outcome = match decode(body, &Limits::default()) {
            Ok(_) => "decoded".to_owned(),
            Err(error) => error.to_string(),
        };
        let limited = milliseconds(body, &Limits::default());
        println!("{name:29} {one:8.1} {two:8.1} {four:8.1} {eight:8.1}  {doubling:8.2}   {limited:5.1} {outcome}");
    }
    println!("{}", if linear { "linear" } else { "NOT LINEAR" });
    if linear { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn milliseconds(body: &[u8], limits: &Limits) -> f64 {
    let run = |_| {
        let start = Instant::now();
        // The dropping belongs to it.
        drop(black_box(decode(black_box(body), limits)));
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..RUNS).map(run).fold(f64::INFINITY, f64::min)
}
