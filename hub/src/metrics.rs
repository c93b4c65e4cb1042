//! Numbers for Prometheus, on loopback: `GET /metrics` in its text format (version 0.0.4).
//!
//! Counts, times and sizes. Deliberately absent: words, intents, people, areas; and a satellite has its id alone.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::home::Home;
use crate::lately::Lately;
use crate::satellites::SatellitesHandle;

/// Longest request, in bytes. A scraper sends some two hundred.
const LONGEST: usize = 4096;
/// How long a request may take to come in and its answer to go out.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the numbers are read from.
#[derive(Clone)]
pub struct Metrics {
    pub satellites: SatellitesHandle,
    pub lately: std::sync::Arc<Lately>,
    pub home: Home,
    /// The data directory, whose disk must not run full.
    pub data: PathBuf,
}

impl Metrics {
    /// Listens now; what is returned answers until `stop`, one request after the other.
    pub async fn serve(
        self,
        listen: SocketAddr,
        stop: CancellationToken,
    ) -> anyhow::Result<impl Future<Output = ()> + Send> {
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!("cannot listen on {listen} for metrics; set another port in [metrics]")
        })?;
        Ok(async move {
            loop {
                let stream = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stop.cancelled() => return,
                };
                if let Ok((stream, _)) = stream {
                    let _ = tokio::time::timeout(PATIENCE, answer(stream, || self.text())).await;
                }
            }
        })
    }

    fn text(&self) -> String {
        let now = SystemTime::now();
        let mut page = Page::default();
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        page.gauge("sotto_build_info", "The hub's version.", &[(&version, 1.0)]);
        let listed = self.satellites.list();
        let connected = listed.iter().filter(|listed| listed.connected.is_some()).count();
        page.gauge("sotto_satellites_paired", "Satellites of the house.", &[(&[], listed.len() as f64)]);
        page.gauge("sotto_satellites_connected", "Those that are connected.", &[(&[], connected as f64)]);
        let up: Vec<([(&str, &str); 1], f64)> = listed
            .iter()
            .map(|listed| {
                let up = if listed.connected.is_some() { 1.0 } else { 0.0 };
                ([("satellite", listed.paired.id.as_str())], up)
            })
            .collect();
        let up: Vec<(&[(&str, &str)], f64)> =
            up.iter().map(|(labels, up)| (labels.as_slice(), *up)).collect();
        page.gauge("sotto_satellite_up", "Whether a satellite is connected.", &up);
        let online = if self.home.is_online() { 1.0 } else { 0.0 };
        page.gauge("sotto_broker_up", "Whether the MQTT broker answers.", &[(&[], online)]);
        let outcomes = self.lately.outcomes();
        let outcomes: Vec<([(&str, &str); 1], f64)> = outcomes
            .iter()
            .map(|(outcome, count)| ([("outcome", outcome.as_str())], *count as f64))
            .collect();
        let outcomes: Vec<(&[(&str, &str)], f64)> =
            outcomes.iter().map(|(labels, count)| (labels.as_slice(), *count)).collect();
        page.counter("sotto_sessions_total", "Sessions that ended, by how.", &outcomes);
        let audio = self.lately.audio_in_all() as f64;
        page.counter("sotto_audio_bytes_total", "Bytes of audio from satellites.", &[(&[], audio)]);
        for (stage, samples) in self.lately.stages(now) {
            let mut seconds: Vec<f64> = samples.iter().map(|(_, took)| took.as_secs_f64()).collect();
            page.summary(
                "sotto_stage_seconds",
                "Time of each stage, last day.",
                ("stage", stage),
                &mut seconds,
            );
        }
        if let Ok(disk) = nix::sys::statvfs::statvfs(&self.data) {
            let free = disk.blocks_available() as f64 * disk.fragment_size() as f64;
            page.gauge("sotto_disk_free_bytes", "Free on the disk of the data directory.", &[(&[], free)]);
        }
        page.text
    }
}

/// Answers one request: the page, or why not.
async fn answer(mut stream: TcpStream, page: impl FnOnce() -> String) -> std::io::Result<()> {
    let mut request = Vec::with_capacity(512);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < LONGEST {
        if stream.read_buf(&mut request).await? == 0 {
            break;
        }
    }
    let (status, body) = match request.strip_prefix(b"GET /metrics") {
        Some([b' ' | b'?', ..]) => ("200 OK", page()),
        _ => ("404 Not Found", "ask for /metrics\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// A name with a value, and labels to tell it from others of that name.
type Sample<'a> = (&'a [(&'a str, &'a str)], f64);

/// A page in Prometheus' text format.
#[derive(Default)]
struct Page {
    text: String,
    /// The name that was described last: all samples of one stand together under one description.
    described: &'static str,
}

impl Page {
    fn gauge(&mut self, name: &'static str, help: &str, samples: &[Sample<'_>]) {
        self.describe(name, help, "gauge");
        self.samples(name, samples);
    }

    fn counter(&mut self, name: &'static str, help: &str, samples: &[Sample<'_>]) {
        self.describe(name, help, "counter");
        self.samples(name, samples);
    }

    /// Median and 95th percentile, sum and count of `values`.
    fn summary(&mut self, name: &'static str, help: &str, label: (&str, &str), values: &mut [f64]) {
        self.describe(name, help, "summary");
        values.sort_by(f64::total_cmp);
        for quantile in [0.5, 0.95] {
            let place = (quantile * values.len().saturating_sub(1) as f64).round() as usize;
            if let Some(value) = values.get(place) {
                self.samples(name, &[(&[label, ("quantile", &quantile.to_string())], *value)]);
            }
        }
        self.samples(
            &format!("{name}_sum"),
            &[(&[label], values.iter().fold(0.0, |sum, value| sum + value))],
        );
        self.samples(&format!("{name}_count"), &[(&[label], values.len() as f64)]);
    }

    fn describe(&mut self, name: &'static str, help: &str, kind: &str) {
        if self.described != name {
            self.described = name;
            let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        }
    }

    fn samples(&mut self, name: &str, samples: &[Sample<'_>]) {
        for (labels, value) in samples {
            self.text.push_str(name);
            for (place, (label, text)) in labels.iter().enumerate() {
                let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                let _ = write!(self.text, "{}{label}=\"{escaped}\"", if place == 0 { '{' } else { ',' });
            }
            let _ = writeln!(self.text, "{} {value}", if labels.is_empty() { "" } else { "}" });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_in_the_text_format() {
        let mut page = Page::default();
        page.gauge("up", "Whether.", &[(&[("satellite", "a\"b\\c\nd")], 1.0), (&[], 0.5)]);
        page.summary("took", "How long.", ("stage", "acted"), &mut [0.3, 0.1, 0.2]);
        page.summary("took", "How long.", ("stage", "none"), &mut []);
        let expect = "\
# HELP up Whether.
# TYPE up gauge
up{satellite=\"a\\\"b\\\\c\\nd\"} 1
up 0.5
# HELP took How long.
# TYPE took summary
took{stage=\"acted\",quantile=\"0.5\"} 0.2
took{stage=\"acted\",quantile=\"0.95\"} 0.3
took_sum{stage=\"acted\"} 0.6000000000000001
took_count{stage=\"acted\"} 3
took_sum{stage=\"none\"} 0
took_count{stage=\"none\"} 0
";
        assert_eq!(page.text, expect);
    }

    #[tokio::test]
    async fn only_the_page_is_served_whatever_is_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for (request, expect) in [
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK"),
            ("GET /metrics?x=1 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK"),
            ("GET /metricsome HTTP/1.1\r\n\r\n", "HTTP/1.1 404"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 404"),
            ("\r\n\r\n", "HTTP/1.1 404"),
            (&format!("GET / {}\r\n\r\n", "x".repeat(100_000)), "HTTP/1.1 404"),
        ] {
            let ask = async {
                let mut stream = TcpStream::connect(address).await.unwrap();
                // What is too long is not read to its end.
                let _ = stream.write_all(request.as_bytes()).await;
                let mut said = String::new();
                let _ = stream.read_to_string(&mut said).await;
                said
            };
            let serve = async { answer(listener.accept().await.unwrap().0, || "up 1\n".into()).await };
            let (said, _) = tokio::join!(ask, serve);
            // A peer that still sends when it is closed upon may see a reset instead of the answer.
            assert!(said.starts_with(expect) || request.len() > LONGEST, "{said}");
        }
    }
}
