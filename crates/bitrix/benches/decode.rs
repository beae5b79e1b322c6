//! `cargo bench --package bitrix --bench decode`: how long hostile forms of 1, 2, 4 and 8 MiB take to decode.
//!
//! Limits are open as far as they go, so that the whole body is worked on. A line a shape: milliseconds by size, how much more 8 MiB
//! take than 1 MiB (linear: 8, quadratic: 64), the same for work that is linear by construction and needs as much memory (see
//! [`reference`]), and the largest body at the default limits. The reference stands beside it since millions of values outgrow the
//! caches on the way, which made 20 to 30 out of 8 on the machines measured. Ends with 1 when a shape grows more than [`LINEAR`] times
//! as much as its reference.
#![expect(clippy::print_stdout, reason = "a table for people")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::{collections::HashMap, hint::black_box, process::ExitCode, time::Instant};

use bitrix::form::{Array, Limits, Value, decode};

const MIB: usize = 1 << 20;
const SIZES: [usize; 4] = [MIB, 2 * MIB, 4 * MIB, 8 * MIB];
/// The best of as many runs: others may work on the same machine.
const RUNS: usize = 5;
/// What is quadratic grows 8 times as much.
const LINEAR: f64 = 2.0;

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
        "{:29} {:>8} {:>8} {:>8} {:>8}  {:>6} {:>9}   at the default limits",
        "ms by MiB", 1, 2, 4, 8, "growth", "reference"
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
        let bodies = SIZES.map(|size| whole_pairs(&body.as_bytes()[..size]));
        let times = bodies.map(|body| milliseconds(|| decode(black_box(body), &OPEN)));
        let [small, large] = [bodies[0], bodies[3]].map(|body| {
            let values = decode(body, &OPEN).as_ref().map_or(0, count).max(pairs(body));
            milliseconds(|| reference(black_box(body), values))
        });
        let body = bodies[3];
        let [one, two, four, eight] = times;
        let (growth, expected) = (eight / one, large / small);
        linear &= growth <= expected * LINEAR;
        let outcome = match decode(body, &Limits::default()) {
            Ok(_) => "decoded".to_owned(),
            Err(error) => error.to_string(),
        };
        let limited = milliseconds(|| decode(black_box(body), &Limits::default()));
        println!(
            "{name:29} {one:8.1} {two:8.1} {four:8.1} {eight:8.1}  {growth:6.1} {expected:9.1}   {limited:5.1} {outcome}"
        );
    }
    println!("{}", if linear { "linear" } else { "NOT LINEAR" });
    if linear { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn milliseconds<T>(mut work: impl FnMut() -> T) -> f64 {
    let run = |_| {
        let start = Instant::now();
        // The dropping belongs to it.
        drop(black_box(work()));
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..RUNS).map(run).fold(f64::INFINITY, f64::min)
}

/// `body` without what follows its last separator: half a pair could undo all before it.
fn whole_pairs(body: &[u8]) -> &[u8] {
    let end = body.iter().rposition(|byte| *byte == b'&').unwrap_or(body.len());
    &body[..end]
}

fn pairs(body: &[u8]) -> usize {
    body.split(|byte| *byte == b'&').count()
}

/// Takes a sum over the bytes and fills a hash table with as many values, one after the other.
fn reference(body: &[u8], values: usize) -> (usize, HashMap<usize, [usize; 9]>) {
    let sum = body.iter().fold(0_usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(*byte))
    });
    let mut table = HashMap::new();
    for value in 0..values {
        table.insert(value, [value; 9]);
    }
    (sum, table)
}

/// Values and arrays, at any depth.
fn count(array: &Array) -> usize {
    let below = |(_, value): (_, &Value)| 1 + value.as_array().map_or(0, count);
    array.iter().map(below).sum()
}
