//! A wire to the server that can be cut, and can fall silent.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use maskline::base::Secret;
use maskline::ledger::Store;
use maskline::store::Postgres;

use crate::database::Database;

pub(crate) struct Wire {
    url: String,
    state: Arc<Mutex<Cable>>,
}

#[derive(Default)]
struct Cable {
    /// What comes is turned away.
    is_cut: bool,
    /// What comes is taken, and gets no answer.
    is_silent: bool,
    lines: Vec<Line>,
}

/// A connection through the wire.
struct Line {
    ends: [TcpStream; 2],
    is_silent: Arc<Mutex<bool>>,
}

impl Wire {
    pub(crate) fn new(database: &Database) -> Self {
        let (head, rest) = database.postgres_url().split_once('@').expect("a user");
        let (server, database) = rest.split_once('/').expect("a database");
        let server: SocketAddr = server.parse().expect("an address and a port");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{head}@{}/{database}", listener.local_addr().unwrap());
        let state: Arc<Mutex<Cable>> = Arc::default();
        let cable = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mut cable = cable.lock().unwrap();
                if !cable.is_cut {
                    let line = Line::new(client, server, cable.is_silent);
                    cable.lines.push(line);
                }
            }
        });
        Self { url, state }
    }

    /// A store at the far end.
    pub(crate) async fn open(&self) -> Arc<dyn Store> {
        Arc::new(Postgres::open(&Secret::new(self.url.clone())).await.unwrap())
    }

    pub(crate) fn cut(&self) {
        let mut cable = self.state.lock().unwrap();
        cable.is_cut = true;
        for line in cable.lines.drain(..) {
            line.ends.iter().for_each(|end| drop(end.shutdown(Shutdown::Both)));
        }
    }

    /// Nothing is carried any more, and nobody is told.
    pub(crate) fn silence(&self) {
        let mut cable = self.state.lock().unwrap();
        cable.is_silent = true;
        cable.lines.iter().for_each(|line| *line.is_silent.lock().unwrap() = true);
    }

    /// What comes from now on goes through; connections that fell silent stay so.
    pub(crate) fn mend(&self) {
        let mut cable = self.state.lock().unwrap();
        (cable.is_cut, cable.is_silent) = (false, false);
    }
}

impl Line {
    fn new(client: TcpStream, server: SocketAddr, is_silent: bool) -> Self {
        let server = TcpStream::connect(server).unwrap();
        let is_silent = Arc::new(Mutex::new(is_silent));
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (mut from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            let mut carried = Carried { to: to.try_clone().unwrap(), is_silent: Arc::clone(&is_silent) };
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut carried);
                let _ = to.shutdown(Shutdown::Both);
            });
        }
        Self { ends: [client, server], is_silent }
    }
}

/// One end, unless the line is silent: then it swallows all.
struct Carried {
    to: TcpStream,
    is_silent: Arc<Mutex<bool>>,
}

impl io::Write for Carried {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if *self.is_silent.lock().unwrap() { Ok(bytes.len()) } else { self.to.write(bytes) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
