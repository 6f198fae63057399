//! Floor 3: dialogs (RFC 3261 section 12): who is at the other end, how to reach it, and in which order
//! requests count.

mod target;

use crate::base::Flow;
use crate::sip::{Address, Head, Name, Request, Response, Scheme};
use crate::transaction::RequestHead;

/// One dialog, ours at one end.
#[derive(Debug, Clone)]
pub struct Dialog {
    /// The Call-ID.
    pub call_id: Box<str>,
    /// Our end: the value of From in what we send, without the tag.
    pub local: Box<str>,
    /// Our tag.
    pub local_tag: Box<str>,
    /// The other end: the value of To in what we send, its tag included once it is known.
    pub remote: Box<str>,
    /// The other end's tag; empty for a peer of RFC 2543 that gives none.
    pub remote_tag: Box<str>,
    /// The remote target: the URI of the peer's Contact.
    pub target: Box<str>,
    /// The route set, in the order in which we write it.
    pub routes: Vec<Box<str>>,
    /// Where the peer's messages come from, and where ours go unless route or target name another address.
    pub flow: Flow,
    /// Whether messages always follow the flow (a softphone, perhaps behind NAT).
    pub follows_flow: bool,
    local_seq: u32,
    remote_seq: Option<u32>,
}

/// Why a message does not belong to a dialog, or makes none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialogFault {
    /// A request or response that makes a dialog carries no usable Contact (RFC 3261 section 8.1.1.8).
    #[error("there is no usable Contact")]
    NoContact,
    /// A CSeq number lower than one already seen (RFC 3261 section 12.2.2).
    #[error("the request is out of order")]
    OutOfOrder,
}

impl Dialog {
    /// The callee's end of a dialog that an INVITE asks for (RFC 3261 section 12.1.1). A caller of RFC 2543 that
    /// gives no Contact is reached at the URI of its From.
    #[must_use]
    pub fn uas(request: &Request, flow: Flow, local_tag: Box<str>) -> Self {
        Self {
            call_id: request.call_id().into(),
            local: request.to().as_str().into(),
            local_tag,
            remote: request.from().as_str().into(),
            remote_tag: request.from().tag().unwrap_or_default().into(),
            target: contact(request).unwrap_or_else(|_| request.from().uri().as_str().into()),
            routes: request.values(Name::RecordRoute).map(Box::from).collect(),
            flow,
            follows_flow: false,
            local_seq: 0,
            remote_seq: Some(request.cseq().number),
        }
    }

    /// The caller's end of a dialog that is about to be asked for: no target but the Request-URI yet.
    #[must_use]
    pub fn uac(
        call_id: Box<str>,
        local: Box<str>,
        local_tag: Box<str>,
        remote: Box<str>,
        uri: Box<str>,
        flow: Flow,
    ) -> Self {
        Self {
            call_id,
            local,
            local_tag,
            remote,
            remote_tag: Box::default(),
            target: uri,
            routes: Vec::new(),
            flow,
            follows_flow: false,
            local_seq: 0,
            remote_seq: None,
        }
    }

    /// Takes target, tag and route set from the 2xx that makes the dialog (RFC 3261 section 12.1.2).
    ///
    /// # Errors
    /// Where the response carries no Contact.
    pub fn establish(&mut self, response: &Response) -> Result<(), DialogFault> {
        self.remote = response.to().as_str().into();
        self.remote_tag = response.to().tag().unwrap_or_default().into();
        self.routes = response.values(Name::RecordRoute).map(Box::from).collect();
        self.routes.reverse();
        self.target = contact(response)?;
        Ok(())
    }

    /// A dialog of its own that a second 2xx makes of the same INVITE, when it was forked on its way (RFC 3261
    /// section 13.2.2.4); `None` where it can't be answered.
    #[must_use]
    pub fn fork(head: &RequestHead, response: &Response, flow: Flow, follows_flow: bool) -> Option<Self> {
        let (local, tag) = head.from.rsplit_once(";tag=")?;
        let (call_id, remote) = (head.call_id.clone(), head.to.clone());
        let mut dialog = Self::uac(call_id, local.into(), tag.into(), remote, head.uri.clone(), flow);
        dialog.local_seq = head.cseq;
        dialog.follows_flow = follows_flow;
        // Without a Contact it can still be told to end, at the Request-URI.
        let _ = dialog.establish(response);
        Some(dialog)
    }

    /// Whether a message carries this dialog's three ids, ours in `local_tag`'s place.
    #[must_use]
    pub fn matches(&self, call_id: &str, remote_tag: Option<&str>) -> bool {
        *self.call_id == *call_id && *self.remote_tag == *remote_tag.unwrap_or_default()
    }

    /// Admits a request by its CSeq number (RFC 3261 section 12.2.2).
    ///
    /// # Errors
    /// Where the number is lower than, or (but for ACK) the same as, the highest seen.
    pub fn admit(&mut self, request: &Request) -> Result<(), DialogFault> {
        let number = request.cseq().number;
        if self.remote_seq.is_some_and(|seen| number <= seen) {
            return Err(DialogFault::OutOfOrder);
        }
        self.remote_seq = Some(number);
        Ok(())
    }

    /// A later request of the peer came by this path: ours go there from now on, where it is a softphone, which may
    /// have changed networks, or where it is another connection than before.
    pub fn follow(&mut self, flow: Flow) {
        let is_stream = flow.transport == self.flow.transport && flow.transport.is_reliable();
        if self.follows_flow || is_stream {
            self.flow = flow;
        }
    }

    /// Takes the new target of a target refresh (RFC 3261 section 12.2.2); one without Contact changes nothing.
    pub fn refresh(&mut self, message: &Head) {
        if let Ok(target) = contact(message) {
            self.target = target;
        }
    }

    /// The head of the next request in the dialog; its Via is the caller's to give.
    pub fn request(&mut self, via: String) -> RequestHead {
        self.local_seq += 1;
        self.head(via, self.local_seq)
    }

    /// The head of the ACK of a 2xx, which takes its INVITE's number (RFC 3261 section 13.2.2.4).
    #[must_use]
    pub fn ack(&self, via: String, cseq: u32) -> RequestHead {
        self.head(via, cseq)
    }

    /// The path of the next request: the first route or the target where it is an address, else the flow.
    #[must_use]
    pub fn next_hop(&self) -> Flow {
        let towards = self.routes.first().unwrap_or(&self.target);
        let named = if self.follows_flow { None } else { target::address(towards, self.flow.transport) };
        target::hop(self.flow, named)
    }

    fn head(&self, via: String, cseq: u32) -> RequestHead {
        let (uri, routes) = target::route(&self.target, &self.routes);
        RequestHead {
            uri,
            via: via.into(),
            routes,
            from: format!("{};tag={}", self.local, self.local_tag).into(),
            to: self.remote.clone(),
            call_id: self.call_id.clone(),
            cseq,
            max_forwards: 70,
        }
    }
}

fn contact(message: &Head) -> Result<Box<str>, DialogFault> {
    let value = message.values(Name::Contact).next().ok_or(DialogFault::NoContact)?;
    let address = Address::parse(value).map_err(|_| DialogFault::NoContact)?;
    let is_sip = matches!(address.uri().scheme(), Scheme::Sip | Scheme::Sips);
    if is_sip { Ok(target::request_uri(address.uri())) } else { Err(DialogFault::NoContact) }
}

#[cfg(test)]
mod tests;
