//! Rows a second of the program `query` from a server on this machine, the memory it takes, and the time from the start of
//! `apply` to its first request: `cargo bench --bench query`; `cargo bench --bench query -- 10000000` with so many rows.
//!
//! The server sends the same rows of five columns (one of them a STRUCT) again and again, in chunks as a busy ksqlDB does
//! (500 rows) and as one that answers row by row; it is never what is waited for: what it sends stands ready.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const HEADER: &str = "[{\"header\":{\"queryId\":\"q\",\"schema\":\"`ORDERID` INTEGER KEY, `ITEMID` STRING, `ORDERUNITS` DOUBLE, \
                      `ADDRESS` STRUCT<`CITY` STRING, `ZIP` BIGINT>, `P` DOUBLE\"}},\n";
const ROW: &str =
    "{\"row\":{\"columns\":[12345,\"Item_123\",0.37,{\"CITY\":\"City_12\",\"ZIP\":94025},0.9966651926925867]}},\n";
const LAST: &str = "{\"finalMessage\":\"Query Completed\"}]";

fn main() {
    let rows = std::env::args().find_map(|word| word.parse::<usize>().ok()).unwrap_or(2_000_000);
    println!("rows a chunk   format      rows   million rows/s   processor s   peak memory MB");
    for (chunk, format) in [(500, "csv"), (1, "csv"), (500, "jsonl"), (500, "table")] {
        let (elapsed, processor, peak) = query(rows, chunk, format);
        let rate = rows as f64 / elapsed.as_secs_f64() / 1e6;
        println!("{chunk:12}   {format:6} {rows:9} {rate:16.2} {processor:13.2} {peak:16.1}");
    }
    let mut times: Vec<Duration> = (0..21).map(|_| first_request()).collect();
    times.sort();
    println!("\nfrom the start of apply to its first request: median {:?}, longest {:?}", times[10], times[20]);
}

/// Reads a request and leaves the connection.
fn request(stream: &TcpStream) {
    let (mut reader, mut length) = (BufReader::new(stream), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() <= 2 {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

/// Time on the clock, processor time in seconds, and the most memory in MB.
fn query(rows: usize, in_chunk: usize, format: &str) -> (Duration, f64, f64) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        request(&stream);
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(&[&head[..], &chunk(HEADER)].concat()).unwrap();
        // as much at once as a socket takes
        let at_once = 1_000.max(in_chunk);
        let some: Vec<u8> = chunk(&ROW.repeat(in_chunk)).repeat(at_once / in_chunk);
        for _ in 0..rows / at_once {
            stream.write_all(&some).unwrap();
        }
        stream.write_all(&[chunk(LAST), b"0\r\n\r\n".to_vec()].concat()).unwrap();
    });
    let start = Instant::now();
    let mut child = program(&["query", "SELECT 1;", "--format", format, "-o", "/dev/null", "--server", &url]);
    let (mut peak, mut processor) = (0.0_f64, 0.0_f64);
    while child.try_wait().unwrap().is_none() {
        (peak, processor) = (peak.max(memory(child.id())), processor.max(processor_time(child.id())));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(child.wait().unwrap().success());
    (start.elapsed(), processor, peak)
}

/// From the start of the process to the arrival of its request.
fn first_request() -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, arrived) = mpsc::channel();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        request(&stream);
        sender.send(Instant::now()).unwrap();
    });
    let start = Instant::now();
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/orders/model.json");
    let mut child =
        program(&["apply", model, "--from", "ORDERS_RAW", "--into", "ORDERS_SCORED", "--yes", "--server", &url]);
    let time = arrived.recv().unwrap() - start;
    let _ = child.kill();
    let _ = child.wait();
    time
}

fn program(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_m2ksql"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The largest resident size so far, where the system says it.
fn memory(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.map_or(0.0, |kilobytes| kilobytes / 1024.0)
}

/// Seconds of processor time so far, where the system says it, in hundredths.
fn processor_time(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<f64> = text.rsplit(')').next().unwrap_or("").split(' ').filter_map(|it| it.parse().ok()).collect();
    // behind the name and the state: user time is the 11th number, system time the 12th
    fields.get(10).zip(fields.get(11)).map_or(0.0, |(user, system)| (user + system) / 100.0)
}
