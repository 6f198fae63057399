//! Why a request was not answered well.

/// It never repeats the URL, what the server said, or anything else that may have a number in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendFault {
    /// The URL is none.
    #[error("its URL cannot be read")]
    Url,
    /// The name has no address.
    #[error("its host's name is not found")]
    Name,
    /// Every address of the host is one that may not be called.
    #[error("its host is not on the public Internet: set allow_private_webhooks if it is to be called")]
    Private,
    /// Nobody answers there.
    #[error("nobody takes the connection")]
    Connect,
    /// The answer does not come in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection breaks, the certificate is not one that is trusted, or the answer is no HTTP.
    #[error("the connection fails")]
    Broken,
    /// The answer is another one than 2xx.
    #[error("the answer is {0}")]
    Status(u16),
}
