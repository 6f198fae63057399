//! The application of examples/masking_app, running beside a switch.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::support::instance::Instance;

/// How long anything of it may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Its host in the settings of a test, 127.0.0.x; its port is that of the API.
const HOST: u8 = 4;
/// Where it is asked, as the settings of a test write it.
pub(crate) const URL: &str = "http://127.0.0.4:8080";

/// A running application, killed when dropped.
pub(crate) struct App {
    child: Child,
    log: PathBuf,
}

impl App {
    /// Starts it by this Python, which has what it needs, and waits until it takes requests.
    pub(crate) fn start(python: &str, switch: &Instance, secret: &str) -> Self {
        let (host, port) = (switch.subnet.host(HOST), switch.subnet.api);
        let log = switch.folder().join("app.log");
        let file = File::create(&log).expect("the temporary folder can be written");
        let child = Command::new(python)
            .args(["-m", "uvicorn", "app:app", "--host", &host.to_string(), "--port", &port.to_string()])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/masking_app"))
            .env("MASKLINE_SECRET", secret)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a descriptor is left"))
            .stderr(file)
            .spawn()
            .expect("EXAMPLE_PYTHON names a Python");
        let app = Self { child, log };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((host, port)).is_err() {
            assert!(Instant::now() < deadline, "the application takes no requests:\n{}", app.log());
            sleep(Duration::from_millis(20));
        }
        app
    }

    /// All that it has printed.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("made at the start")
    }

    /// Waits until it has printed this.
    pub(crate) fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "waited in vain for {text}:\n{}", self.log());
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
