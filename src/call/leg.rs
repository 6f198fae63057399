//! One leg of a call: a dialog, the media beside it, and what is noted of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ipnet::IpNet;

use super::effect::{Purpose, ServerId};
use super::{Context, Effect, LegId};
use crate::base::Flow;
use crate::base::settings::EarlyMedia;
use crate::dialog::Dialog;
use crate::ledger::{HungUp, Outcome};
use crate::mask::guard::Guard;
use crate::mask::read::Heard;
use crate::mask::{Cause, LegMedia, Media, write};
use crate::relay::Endpoint;
use crate::route::Source;
use crate::sdp::Codec;
use crate::sip::{Head, Name};
use crate::transaction::RequestHead;

/// Where a leg stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegState {
    /// Its INVITE has no final response.
    Inviting,
    /// An attempt that is no longer wanted; its final response is awaited.
    Cancelling,
    /// Its INVITE was accepted.
    Answered,
    /// It is over.
    Ended,
}

/// One leg.
#[derive(Debug)]
pub struct Leg {
    /// The trunk or phone at the other end.
    pub origin: Source,
    /// Its name in the record.
    pub peer: Arc<str>,
    /// Where it stands.
    pub state: LegState,
    /// The dialog.
    pub dialog: Dialog,
    /// What must not be in its messages.
    pub guard: Option<Guard>,
    pub(super) contact: Box<str>,
    pub(super) media: Option<LegMedia>,
    /// The media that the party last asked for or accepted.
    pub(super) wants: Option<Media>,
    /// The party does not want to hear the other one, by what it last had the choice of.
    pub(super) holds: bool,
    /// Which of a document's targets it is for.
    pub(super) way: usize,
    /// What the caller hears while this leg rings.
    pub(super) early_media: EarlyMedia,
    /// Networks of the trunk's media.
    pub(super) media_sources: Vec<IpNet>,
    /// The party takes digits by INFO (its Allow names it, or it names nothing).
    pub(super) takes_info: bool,
    /// Its INVITE that we accepted and it has not acknowledged, with the CSeq number.
    pub(super) unacknowledged: Option<(ServerId, u32)>,
    /// The ACK has to bring the answer to the offer in our 2xx.
    pub(super) owes_answer: bool,
    /// It was told early of other media than the callee has accepted since: once its ACK is here, it is offered those.
    pub(super) is_misinformed: bool,
    /// What we hang up with once the ACK is here (RFC 3261 section 15).
    pub(super) bye_after_ack: Option<Cause>,
    /// Our own INVITE inside its dialog has no final response.
    pub(super) is_reinviting: bool,
    /// Our BYE has no final response: the party's own, crossing it, is still answered.
    pub(super) is_hanging_up: bool,
    /// The CSeq number of our last INVITE.
    pub(super) invite_cseq: u32,
    pub(super) notes: LegNotes,
}

/// What happened on a leg and when, for its record.
#[derive(Debug, Clone)]
pub(super) struct LegNotes {
    pub(super) started: Instant,
    pub(super) ringing: Option<Instant>,
    pub(super) answered: Option<Instant>,
    pub(super) ended: Option<Instant>,
    pub(super) status: Option<u16>,
    pub(super) cause: Option<Cause>,
    pub(super) result: Option<Outcome>,
    pub(super) hung_up: Option<HungUp>,
    /// It was given up since it was not answered in time.
    pub(super) rang_out: bool,
}

impl Leg {
    pub(super) fn new(
        now: Instant,
        origin: Source,
        peer: Arc<str>,
        dialog: Dialog,
        contact: Box<str>,
    ) -> Self {
        Self {
            origin,
            peer,
            state: LegState::Inviting,
            dialog,
            guard: None,
            contact,
            media: None,
            wants: None,
            holds: false,
            way: 0,
            early_media: EarlyMedia::Ringback,
            media_sources: Vec::new(),
            takes_info: true,
            unacknowledged: None,
            owes_answer: false,
            is_misinformed: false,
            bye_after_ack: None,
            is_reinviting: false,
            is_hanging_up: false,
            invite_cseq: 0,
            notes: LegNotes {
                started: now,
                ringing: None,
                answered: None,
                ended: None,
                status: None,
                cause: None,
                result: None,
                hung_up: None,
                rang_out: false,
            },
        }
    }

    /// Notes what the party's message says of the party: whether it takes INFO.
    pub(super) fn learn(&mut self, message: &Head) {
        let mut methods = message.values(Name::Allow).peekable();
        if methods.peek().is_some() {
            self.takes_info = methods.any(|method| method == "INFO");
        }
    }

    /// Keeps what the party said of its media; what of it may cross comes back.
    pub(super) fn hear(&mut self, heard: Heard) -> Media {
        if let Some(media) = &mut self.media {
            media.hear(heard.remote);
        }
        self.wants.insert(heard.media).clone()
    }

    /// The answer to the caller's offer with what the callee accepts, and whether it says all that: for one offer there
    /// is one answer, so that an early one stands whatever the callee, or another branch of a fork, says after it (RFC
    /// 3261 section 13.2.1, RFC 6337 section 2.2). `None` where nothing is left.
    pub(super) fn first_answer(&mut self, media: &Media) -> Option<(Bytes, bool)> {
        let own = self.media.as_mut()?;
        if own.media().is_none() {
            return own.answer(media).map(|body| (body, true));
        }
        let now = own.clone().answer(media)?;
        let first = own.answer_again()?;
        Some((first.clone(), first == now))
    }

    /// The party did not take our offer: what was agreed before stands.
    pub(super) fn withdraw_offer(&mut self) {
        if let Some(media) = &mut self.media {
            media.withdraw();
        }
    }

    /// It is over. What was noted of its end before stays.
    pub(super) fn note_end(&mut self, now: Instant, cause: Cause, result: Outcome) {
        self.state = LegState::Ended;
        self.notes.ended.get_or_insert(now);
        self.notes.cause.get_or_insert(cause);
        self.notes.result.get_or_insert(result);
    }

    /// An attempt that was given up is over.
    pub(super) fn note_given_up(&mut self, now: Instant) {
        let (cause, result) = match self.notes.rang_out {
            true => (Cause::NoAnswer, Outcome::NoAnswer),
            false => (Cause::NotSelected, Outcome::Cancelled),
        };
        self.note_end(now, cause, result);
    }

    /// What the media engine is to know of this leg's party.
    pub(super) fn endpoint(&self) -> Endpoint {
        let Some(media) = &self.media else { return Endpoint::default() };
        let signalled = media.heard().and_then(|heard| heard.rtp).map(|address| address.ip());
        let mut sources: Vec<IpNet> = self.media_sources.clone();
        sources
            .extend([signalled, Some(self.dialog.flow.remote.ip())].into_iter().flatten().map(IpNet::from));
        media.endpoint(sources)
    }

    /// Whether its party takes keys as telephone-events.
    pub(super) fn takes_events(&self) -> bool {
        self.endpoint().formats.iter().any(|format| matches!(format.codec, Codec::TelephoneEvent { .. }))
    }

    /// Whether the leg's messages may come from this address: where its flow and its next hop are.
    #[must_use]
    pub fn is_at(&self, source: IpAddr) -> bool {
        self.dialog.flow.remote.ip() == source || self.dialog.next_hop().remote.ip() == source
    }

    /// The next request in the dialog, its branch and its path.
    fn next_request(&mut self, ctx: &mut Context<'_>) -> (RequestHead, Box<str>, Flow) {
        let flow = self.dialog.next_hop();
        let branch = branch(ctx);
        let head = self.dialog.request(ctx.policy.via(&flow, &branch));
        (head, branch, flow)
    }

    /// Sends a request in the dialog; `write` makes its bytes.
    pub(super) fn send(
        &mut self,
        ctx: &mut Context<'_>,
        leg: LegId,
        purpose: Purpose,
        write: impl FnOnce(&RequestHead, &str) -> bytes::Bytes,
    ) {
        let (head, branch, flow) = self.next_request(ctx);
        let bytes = write(&head, &self.contact);
        match purpose {
            Purpose::Reinvite => {
                self.is_reinviting = true;
                self.invite_cseq = head.cseq;
            }
            Purpose::Bye => self.is_hanging_up = true,
            Purpose::Invite | Purpose::Digit => {}
        }
        ctx.effects.push_back(Effect::Request { leg, purpose, flow, branch, head, bytes });
    }

    /// Acknowledges the 2xx of our last INVITE.
    pub(super) fn acknowledge(&mut self, ctx: &mut Context<'_>, leg: LegId) {
        let flow = self.dialog.next_hop();
        let branch = branch(ctx);
        let head = self.dialog.ack(ctx.policy.via(&flow, &branch), self.invite_cseq);
        ctx.effects.push_back(Effect::Acknowledge { leg, flow, bytes: write::ack(&head) });
    }

    /// Hangs up an answered leg: at once, or when its ACK is here.
    pub(super) fn hang_up(&mut self, ctx: &mut Context<'_>, leg: LegId, cause: Cause, by: HungUp) {
        self.notes.hung_up.get_or_insert(by);
        self.note_end(ctx.now, cause, Outcome::Answered);
        if self.unacknowledged.is_some() {
            self.bye_after_ack = Some(cause);
        } else {
            self.send(ctx, leg, Purpose::Bye, |head, _| write::bye(head, cause));
        }
    }
}

/// A fresh branch, with the cookie of RFC 3261 section 8.1.1.7.
pub(super) fn branch(ctx: &mut Context<'_>) -> Box<str> {
    crate::sip::via::branch(ctx.random)
}
