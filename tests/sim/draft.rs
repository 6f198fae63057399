//! A message that an endpoint is about to send: a start line, headers and a body that a test may change at will.

/// One message.
#[derive(Debug, Clone)]
pub struct Draft {
    pub start: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Draft {
    pub fn new(start: impl Into<String>) -> Self {
        Self { start: start.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// Adds a header at the end.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds headers at the end.
    #[must_use]
    pub fn with_all(mut self, headers: &[(String, String)]) -> Self {
        self.headers.extend_from_slice(headers);
        self
    }

    /// Takes a header out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(label, _)| !label.eq_ignore_ascii_case(name));
        self
    }

    /// Puts another value in a header's place.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        let place = self.headers.iter_mut().find(|(label, _)| label.eq_ignore_ascii_case(name));
        place.unwrap_or_else(|| panic!("no {name} to set")).1 = value.into();
        self
    }

    /// Puts another Request-URI in.
    #[must_use]
    pub fn to_uri(mut self, uri: &str) -> Self {
        let method = self.start.split(' ').next().unwrap().to_owned();
        self.start = format!("{method} {uri} SIP/2.0");
        self
    }

    /// Gives it a body; nothing for an empty one.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        self = self.without("Content-Type");
        self.body = body.as_ref().to_vec();
        if self.body.is_empty() { self } else { self.with("Content-Type", content_type) }
    }

    #[must_use]
    pub fn sdp(self, body: impl ToString) -> Self {
        self.body("application/sdp", body.to_string())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(label, _)| label.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The message as it goes out.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = format!("{}\r\n", self.start).into_bytes();
        for (name, value) in &self.headers {
            out.extend(format!("{name}: {value}\r\n").bytes());
        }
        if self.get("Content-Length").is_none() {
            out.extend(format!("Content-Length: {}\r\n", self.body.len()).bytes());
        }
        out.extend(b"\r\n");
        out.extend(&self.body);
        out
    }
}
