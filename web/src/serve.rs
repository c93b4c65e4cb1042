//! The door to the house network: HTTPS for the pages, and for plain HTTP nothing but the way there.
//!
//! `accept → first byte: TLS? → handshake → router`, else `→ redirect to https`. Both on the same port, so that
//! `http://sotto.local:8443` works when typed; a second listener for port 80 takes [`redirect`] alone.
//! Connections, handshakes and headers are bounded in number and time.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// More browsers, tabs and live streams than a household has.
const CONNECTIONS: usize = 512;
/// A handshake or a request's headers that take longer than this are given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is under way when the hub stops may take this long; live streams are cut.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves the pages over HTTPS until `shutdown`.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) {
    let acceptor = TlsAcceptor::from(tls);
    let port = listener.local_addr().map_or(443, |address| address.port());
    each_connection(listener, shutdown, move |stream, address, watcher| {
        let (acceptor, router) = (acceptor.clone(), router.clone());
        async move {
            let mut first = [0u8; 1];
            // 0x16 is a TLS handshake record (RFC 8446, section 5.1); no HTTP method begins with it.
            match tokio::time::timeout(PATIENCE, stream.peek(&mut first)).await {
                Ok(Ok(1)) if first[0] == 0x16 => {
                    if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
                        talk(stream, watcher, move |request| routed(router.clone(), address, request)).await;
                    }
                }
                Ok(Ok(1)) => talk(stream, watcher, move |request| to_https(request, port)).await,
                _ => {}
            }
        }
    })
    .await;
}

/// Serves nothing but the way to `https_port`, until `shutdown`.
pub async fn redirect(listener: TcpListener, https_port: u16, shutdown: impl Future<Output = ()> + Send) {
    each_connection(listener, shutdown, move |stream, _, watcher| {
        talk(stream, watcher, move |request| to_https(request, https_port))
    })
    .await;
}

async fn each_connection<F, T>(listener: TcpListener, shutdown: impl Future<Output = ()> + Send, with: F)
where
    F: Fn(TcpStream, SocketAddr, Watcher) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = tokio::task::JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, address)) => {
                // When full, the newcomer is turned away rather than kept waiting without a word.
                let Ok(seat) = room.clone().try_acquire_owned() else { continue };
                let _ = stream.set_nodelay(true);
                let talking = with(stream, address, graceful.watcher());
                connections.spawn(async move {
                    talking.await;
                    drop(seat);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection to the pages; trying again");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
    drop(listener);
    let farewell = async {
        graceful.shutdown().await;
        while connections.join_next().await.is_some() {}
    };
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
}

async fn talk<S, H, T>(stream: S, watcher: Watcher, handle: H)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request<Incoming>) -> T,
    T: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
{
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(32 * 1024)
        .serve_connection(TokioIo::new(stream), service_fn(handle));
    // A connection that breaks is the browser's business; there is nothing to do and nobody to tell.
    let _ = watcher.watch(connection).await;
}

async fn routed(
    router: Router,
    address: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(address));
    router.oneshot(request).await
}

/// `http://HOST/PATH → https://HOST:PORT/PATH`; a request that names no host gets none invented for it.
async fn to_https(request: Request<Incoming>, port: u16) -> Result<Response<Body>, Infallible> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let location = host.and_then(without_port).map(|host| {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        match port {
            443 => format!("https://{host}{path}"),
            port => format!("https://{host}:{port}{path}"),
        }
    });
    let response = match location {
        Some(location) => Response::builder()
            .status(StatusCode::PERMANENT_REDIRECT)
            .header(header::LOCATION, location)
            .body(Body::empty()),
        None => Response::builder().status(StatusCode::BAD_REQUEST).body(Body::from("use https\n")),
    };
    Ok(response.unwrap_or_default())
}

/// The host of a `Host` header when it is one: letters, digits, dots, hyphens, or an address in brackets.
fn without_port(host: &str) -> Option<&str> {
    let name = match host.strip_prefix('[') {
        Some(rest) => &host[..rest.find(']')? + 2],
        None => host.split(':').next()?,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    (!name.is_empty() && name.len() <= 255 && name.chars().all(plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_taken_as_it_is_or_not_at_all() {
        let check = |host: &str, expect: Option<&str>| assert_eq!(without_port(host), expect, "{host}");
        check("sotto.local", Some("sotto.local"));
        check("sotto.local:80", Some("sotto.local"));
        check("192.168.1.7:8080", Some("192.168.1.7"));
        check("[fe80::1]:80", Some("[fe80::1]"));
        check("[fe80::1", None);
        check("", None);
        check("evil/..", None);
        check("a b", None);
    }
}
