//! Asks a service's own probe, for the HEALTHCHECK of a container that has no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A report is far smaller; more than this is not one of our probes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Succeeds when the service whose probes are bound there is ready; the error says why it is not.
pub async fn check(probes_bind: SocketAddr, timeout: Duration) -> anyhow::Result<()> {
    let (status, body) = get(reachable(probes_bind), "/ready", timeout).await?;
    if status != 200 {
        bail!("not ready ({status}): {body}");
    }
    Ok(())
}

/// An address bound to every interface is asked on loopback.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

/// One plain GET: status and body.
pub(crate) async fn get(
    address: SocketAddr,
    path: &str,
    timeout: Duration,
) -> anyhow::Result<(u16, String)> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream
            .take(ANSWER_BYTES_MAX)
            .read_to_end(&mut answer)
            .await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(timeout, exchange)
        .await
        .with_context(|| format!("{address} did not answer within {} ms", timeout.as_millis()))?
        .with_context(|| format!("cannot ask {address}"))?;
    parse(&String::from_utf8_lossy(&answer))
        .with_context(|| format!("{address} did not answer in HTTP"))
}

fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head
        .strip_prefix("HTTP/1.1 ")?
        .split(' ')
        .next()?
        .parse()
        .ok()?;
    Some((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_every_interface_is_asked_on_loopback() {
        for (bind, asked) in [
            ("0.0.0.0:9102", "127.0.0.1:9102"),
            ("[::]:9102", "[::1]:9102"),
            ("10.0.0.7:9102", "10.0.0.7:9102"),
        ] {
            let bind: SocketAddr = bind.parse().expect("an address");
            assert_eq!(reachable(bind).to_string(), asked);
        }
    }

    #[tokio::test]
    async fn nobody_there_is_an_error_that_names_the_address() {
        let free = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("an address")
        };
        let error = check(free, Duration::from_secs(5))
            .await
            .expect_err("nobody listens");
        assert!(
            format!("{error:#}").contains(&free.to_string()),
            "{error:#}"
        );
    }

    #[test]
    fn what_is_not_http_is_not_understood() {
        assert_eq!(parse("SSH-2.0-OpenSSH"), None);
        assert_eq!(
            parse("HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\nno"),
            Some((503, "no".to_owned()))
        );
    }
}
