//! How `sotto-hub pair` and its like reach the hub that runs: a socket in the data directory.
//!
//! One JSON object a line each way: `{"ask": "pair"}` is answered `{"code": "1234 5678", …}` or `{"error": "…"}`.
//! Whoever may read the data directory may ask; nobody else can, so there is no password here. Deliberately absent:
//! anything about recordings, which even this machine's administrator may not hear.

use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

const FILE: &str = "control.sock";

/// Longest question or answer, in bytes.
const LONGEST: u64 = 256 * 1024;

/// Questions at once.
const ASKING: usize = 16;

/// The slowest question is to pair with a satellite that was found.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("another hub runs with this data directory ({0}); stop it, or give this one another with --data")]
    Running(PathBuf),
    #[error("the socket {path} cannot be made: {source}")]
    Bind { path: PathBuf, source: std::io::Error },
}

/// What an answerer gives: `None` where the question is not for it.
pub type Answer = Pin<Box<dyn Future<Output = Option<Result<Value, String>>> + Send>>;

type Answerer = Arc<dyn Fn(String, Value) -> Answer + Send + Sync>;

/// The hub's end. Also the lock on its data directory: two hubs cannot have it at once.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    answerers: Vec<Answerer>,
}

impl Control {
    pub fn bind(data: &Path) -> Result<Control, ControlError> {
        let path = data.join(FILE);
        if std::os::unix::net::UnixStream::connect(&path).is_ok() {
            return Err(ControlError::Running(data.to_owned()));
        }
        // Nobody answers: what lies here is left from a hub that was killed.
        let _ = std::fs::remove_file(&path);
        let fail = |source| ControlError::Bind { path: path.clone(), source };
        let listener = UnixListener::bind(&path).map_err(fail)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
        Ok(Control { listener, path, answerers: Vec::new() })
    }

    /// Adds somebody who answers; the first who knows the question does.
    pub fn answering(mut self, answer: impl Fn(String, Value) -> Answer + Send + Sync + 'static) -> Control {
        self.answerers.push(Arc::new(answer));
        self
    }

    /// Answers until `stop`, then takes the socket away.
    pub async fn serve(self, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(ASKING));
        let answerers = Arc::new(self.answerers);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            let Ok((stream, _)) = accepted else { continue };
            let Ok(place) = places.clone().acquire_owned().await else { break };
            let answerers = answerers.clone();
            tokio::spawn(async move {
                let _ = tokio::time::timeout(PATIENCE, converse(stream, &answerers)).await;
                drop(place);
            });
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn converse(stream: UnixStream, answerers: &[Answerer]) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = tokio::io::BufReader::new(read.take(LONGEST));
    let mut line = String::new();
    while read.read_line(&mut line).await? > 0 {
        let answer = match answer(&line, answerers).await {
            Ok(value) => value,
            Err(error) => json!({ "error": error }),
        };
        write.write_all(format!("{answer}\n").as_bytes()).await?;
        line.clear();
        read.get_mut().set_limit(LONGEST);
    }
    Ok(())
}

async fn answer(line: &str, answerers: &[Answerer]) -> Result<Value, String> {
    let question: Value = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))?;
    let Some(ask) = question.get("ask").and_then(Value::as_str).map(str::to_owned) else {
        return Err("the question has no \"ask\"".into());
    };
    for answerer in answerers {
        if let Some(answer) = answerer(ask.clone(), question.clone()).await {
            return answer;
        }
    }
    Err(format!("this hub does not know the question {ask:?}; is it older than this command?"))
}

/// Asks the hub that runs with this data directory.
pub fn ask(data: &Path, question: &Value) -> anyhow::Result<Value> {
    let path = data.join(FILE);
    let mut stream = std::os::unix::net::UnixStream::connect(&path).with_context(|| {
        format!("no hub runs with the data directory {}; start it with `sotto-hub run`", data.display())
    })?;
    stream.set_read_timeout(Some(PATIENCE + Duration::from_secs(5)))?;
    stream.write_all(format!("{question}\n").as_bytes()).context("the hub went away")?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut line).context("the hub does not answer")?;
    let answer: Value = serde_json::from_str(&line).context("the hub went away before it answered")?;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => bail!("{error}"),
        None => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn questions_are_answered_and_anything_else_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_owned();
        assert!(ask(&data, &json!({})).unwrap_err().to_string().contains("sotto-hub run"));
        // Left over from a hub that was killed.
        drop(std::os::unix::net::UnixListener::bind(data.join(FILE)).unwrap());
        let control = Control::bind(&data).unwrap().answering(|ask, question| {
            Box::pin(async move { (ask == "echo").then(|| Ok(json!({ "said": question["word"] }))) })
        });
        assert!(matches!(Control::bind(&data), Err(ControlError::Running(_))));
        let mode = std::fs::metadata(data.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let stop = CancellationToken::new();
        let serving = tokio::spawn(control.serve(stop.clone()));
        let asked = data.clone();
        tokio::task::spawn_blocking(move || {
            let check = |question: Value, expect: &str| {
                let found =
                    ask(&asked, &question).map_or_else(|error| error.to_string(), |value| value.to_string());
                assert!(found.contains(expect), "{question}: {found}");
            };
            check(json!({ "ask": "echo", "word": 5 }), r#"{"said":5}"#);
            check(json!({ "ask": "else" }), "does not know");
            check(json!({ "asks": 1 }), "no \"ask\"");
            check(json!("x".repeat(300_000)), "not JSON");
        })
        .await
        .unwrap();
        stop.cancel();
        serving.await.unwrap();
        assert!(!data.join(FILE).exists());
    }
}
