//! The engine `remote` against servers that answer, hang up, or talk nonsense, and against the real `wyoming`
//! package of Python where it is installed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use sotto_hearing::{Choice, Config, HearingError, RATE, Request, open};

/// A server that reads until the audio stops, counts the samples and says `answer`.
fn server(answer: fn(usize) -> Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(8) {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut bytes, mut line) = (0, String::new());
            while reader.read_line(&mut line).unwrap_or(0) > 0 {
                let event: serde_json::Value = serde_json::from_str(&line).unwrap();
                let length = event["payload_length"].as_u64().unwrap_or(0) as usize;
                reader.read_exact(&mut vec![0; length]).unwrap();
                bytes += length;
                if event["type"] == "audio-stop" {
                    break;
                }
                line.clear();
            }
            let _ = stream.write_all(&answer(bytes / 2));
        }
    });
    address
}

fn ask(servers: &[String]) -> Result<Option<String>, HearingError> {
    let config = Config { engine: Choice::Remote, servers: servers.to_vec(), ..Config::default() };
    let engine = open(&config)?;
    let mut hearing = engine.begin(Request { language: Some("en".into()), ..Request::default() });
    hearing.push(&vec![100; RATE])?;
    Ok(hearing.finish()?.first().map(|found| found.text()))
}

#[test]
fn the_transcript_comes_back_and_the_next_server_is_asked_when_one_fails() {
    let good = server(|samples| {
        format!("{{\"type\":\"transcript\",\"data\":{{\"text\":\" heard {samples}\"}}}}\n").into_bytes()
    });
    let apart = server(|_| b"{\"type\":\"transcript\",\"data_length\":16}\n{\"text\":\"apart\"}".to_vec());
    let dead = "127.0.0.1:1".to_owned();
    let nonsense = server(|_| b"HTTP/1.1 400 Bad Request\r\n".to_vec());
    let silent = server(|_| Vec::new());
    assert_eq!(ask(std::slice::from_ref(&good)).unwrap().as_deref(), Some("heard 16000"));
    assert_eq!(ask(&[apart]).unwrap().as_deref(), Some("apart"));
    assert_eq!(
        ask(&[dead.clone(), nonsense.clone(), silent.clone(), good]).unwrap().as_deref(),
        Some("heard 16000")
    );
    for bad in [dead, nonsense, silent] {
        assert!(matches!(ask(std::slice::from_ref(&bad)), Err(HearingError::Remote(_))), "{bad}");
    }
}

#[test]
fn an_address_that_is_none_is_told() {
    for bad in [vec![], vec!["gpu-box".to_owned()], vec![":10300".to_owned()], vec!["box:port".to_owned()]] {
        assert!(matches!(ask(&bad), Err(HearingError::Remote(_))), "{bad:?}");
    }
}

const PYTHON_SERVER: &str = r#"
import asyncio, sys
from wyoming.server import AsyncServer, AsyncEventHandler
from wyoming.audio import AudioChunk, AudioStop
from wyoming.asr import Transcribe, Transcript
class Handler(AsyncEventHandler):
    count = 0
    language = None
    async def handle_event(self, event):
        if Transcribe.is_type(event.type):
            self.language = Transcribe.from_event(event).language
        elif AudioChunk.is_type(event.type):
            self.count += AudioChunk.from_event(event).samples
        elif AudioStop.is_type(event.type):
            await self.write_event(Transcript(text=f"{self.language} {self.count}").event())
            return False
        return True
asyncio.run(AsyncServer.from_uri(sys.argv[1]).run(Handler))
"#;

#[test]
fn the_real_wyoming_package_understands_us() {
    let python = std::env::var("SOTTO_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = std::process::Command::new(&python).args(["-c", "import wyoming"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: {python} has no package wyoming; set SOTTO_TEST_PYTHON to one that has");
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut child = std::process::Command::new(&python)
        .args(["-c", PYTHON_SERVER, &format!("tcp://127.0.0.1:{port}")])
        .spawn()
        .unwrap();
    let address = format!("127.0.0.1:{port}");
    // Until it listens.
    for _ in 0..100 {
        if std::net::TcpStream::connect(&address).is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let heard = ask(&[address]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(heard.unwrap().as_deref(), Some("en 16000"));
}
