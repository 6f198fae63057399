//! The API by TLS: who is served, who is turned away at the door, and changing the certificate while it runs.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use maskline::api::Tls;
use maskline::base::settings::Settings;
use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use support::desk::{ALL, Desk};
use support::subnet::Subnet;
use tempfile::TempDir;

const MASKLINE: &str = env!("CARGO_BIN_EXE_maskline");

/// Writes a new certificate for localhost that nobody else has signed, and its key.
fn make_pair(folder: &Path) {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("cert.pem"), pair.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), pair.signing_key.serialize_pem()).unwrap();
}

/// A folder with a certificate and the settings of a service at an address.
fn office(address: SocketAddr) -> TempDir {
    let folder = TempDir::new().unwrap();
    make_pair(folder.path());
    settle(folder.path(), address);
    folder
}

fn settle(folder: &Path, address: SocketAddr) {
    let text = format!(
        "[api]\nlisten = \"{address}\"\ntls = {{ certificate = \"cert.pem\", key = \"key.pem\" }}\n\
         tokens = [\"{ALL}\"]\n[sip]\nlisten = [\"udp:{}:5070\"]\n[numbers]\ncountry = \"IN\"\n\
         owned = [\"+918045550101\"]\n[media]\nports = \"40000-40099\"\n",
        address.ip()
    );
    fs::write(folder.join("config.toml"), text).unwrap();
}

fn tls(folder: &Path) -> Tls {
    let pair = Settings::load(&folder.join("config.toml")).unwrap().api.tls.unwrap();
    Tls::new(pair).unwrap()
}

/// What the command line prints, and how it ends.
fn run(folder: &Path, line: &str) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(MASKLINE).args(line.split(' ')).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// An ordinary client that has the folder's certificate among its authorities.
fn client(
    folder: &Path,
    address: SocketAddr,
    version: &'static SupportedProtocolVersion,
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    StreamOwned::new(connection, stream)
}

/// The answer to a request for /healthz.
fn healthz(mut stream: impl Read + Write) -> String {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn both_versions_are_served_and_the_command_line_trusts_one_certificate() {
    let folder = office("127.0.0.1:1".parse().unwrap());
    let desk = Desk::open_behind(Some(tls(folder.path())));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let answer = healthz(client(folder.path(), desk.address, version));
        assert!(answer.starts_with("HTTP/1.1 200"), "{version:?}: {answer:?}");
    }
    settle(folder.path(), desk.address);
    let (code, out, err) = run(folder.path(), "numbers list");
    assert!(code == 0 && out.contains("+918045550101"), "{out} {err}");
    // Another certificate for the same name is not taken, and the token is not sent.
    let foreign = office(desk.address);
    let (code, _, err) = run(foreign.path(), "numbers list");
    assert!(code == 3 && err.contains("does not answer"), "{err}");
}

#[test]
fn plain_http_gets_no_answer() {
    let folder = office("127.0.0.1:1".parse().unwrap());
    let desk = Desk::open_behind(Some(tls(folder.path())));
    let stream = TcpStream::connect(desk.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let answer = healthz(&stream);
    assert!(!answer.contains("HTTP"), "{answer:?}");
}

#[test]
fn clients_that_never_shake_hands_are_let_go() {
    let folder = office("127.0.0.1:1".parse().unwrap());
    let desk = Desk::open_behind(Some(tls(folder.path())));
    let silent: Vec<_> = (0..512).map(|_| TcpStream::connect(desk.address).unwrap()).collect();
    // Of those without a token the oldest make room for it.
    let answer = healthz(client(folder.path(), desk.address, &rustls::version::TLS13));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    // The first of them went for that, and the last has had its time.
    for mut stream in silent.into_iter().step_by(511) {
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        assert_eq!(stream.read(&mut [0; 16]).unwrap_or_default(), 0, "closed without a word");
    }
}

/// A running service; killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_reload_shows_the_new_certificate_and_a_faulty_pair_leaves_the_old() {
    let subnet = Subnet::new();
    let address = SocketAddr::new(subnet.host(1), subnet.api);
    let folder = office(address);
    assert_eq!(run(folder.path(), "check").0, 0);
    let mut child = Command::new(MASKLINE)
        .current_dir(folder.path())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut logged = |words: &str| assert!(log.any(|line| line.contains(words)), "{words} was never logged");
    let running = Running(child);
    let reload = || kill_process(Pid::from_child(&running.0), Signal::HUP).unwrap();
    logged(" ready");
    let old = office(address);
    for file in ["cert.pem", "key.pem"] {
        fs::copy(folder.path().join(file), old.path().join(file)).unwrap();
    }
    let asked = |folder: &TempDir| run(folder.path(), "numbers list").0;
    assert_eq!(asked(&old), 0);
    make_pair(folder.path());
    reload();
    logged("the settings were read again");
    assert_eq!((asked(&folder), asked(&old)), (0, 3), "the new one is shown");
    // A key that belongs to another certificate.
    let new = office(address);
    for file in ["cert.pem", "key.pem"] {
        fs::copy(folder.path().join(file), new.path().join(file)).unwrap();
    }
    fs::copy(old.path().join("key.pem"), folder.path().join("key.pem")).unwrap();
    let (code, out, _) = run(folder.path(), "check");
    assert!(code == 1 && out.contains("config.toml:3: api.tls: is not the key of the certificate"), "{out}");
    reload();
    logged("is not the key of the certificate");
    logged("those that were in force stay");
    assert_eq!(asked(&new), 0, "the running one stays");
}
