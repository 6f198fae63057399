//! Deciding a call.

use super::{Decision, Identity, Index, Plan, Question, Refusal, RefusalKind, Source, Step, Target};
use crate::base::PhoneNumber;
use crate::base::settings::{Mapping, NumberFormat};

/// Decides a call: who calls, what was dialled, what is mapped to it, what may be shown, and where it is sent.
/// Whatever cannot be answered is refused.
#[must_use]
pub fn decide(index: &Index, question: &Question) -> Decision {
    let mut trace = Vec::with_capacity(8);
    match plan(index, question, &mut trace) {
        Ok((caller, mapping, target)) => Decision::Bridge(Plan {
            dialled: mapping.dialled,
            caller,
            destination: mapping.destination,
            show: mapping.show,
            target,
            early_media: mapping.early_media,
            ring_timeout: index.settings().call.ring_timeout,
            max_duration: index.settings().call.max_duration,
            trace,
        }),
        Err(kind) => Decision::Refuse(Refusal { kind, trace }),
    }
}

/// The steps before anything is decided: whom a call comes from, who calls and what was dialled.
#[must_use]
pub fn introduce(index: &Index, question: &Question) -> Vec<Step> {
    let mut trace = Vec::with_capacity(4);
    let (_, format) = who(index, question, &mut trace);
    let _ = dialled(index, question, format, &mut trace);
    trace
}

type Planned = (Option<PhoneNumber>, Mapping, Target);

fn plan(index: &Index, question: &Question, trace: &mut Vec<Step>) -> Result<Planned, RefusalKind> {
    let (caller, format) = who(index, question, trace);
    let dialled = dialled(index, question, format, trace)?;
    let caller = match caller {
        Identity::Known(caller) if index.owns(caller) => {
            trace.push(Step::CallerIsOurs);
            return Err(RefusalKind::CallerClaimsOwn);
        }
        Identity::Known(caller) => Some(caller),
        Identity::Anonymous => None,
    };
    let mapping = mapping(index, dialled, caller, trace)?;
    let target = target(index, &mapping, trace)?;
    Ok((caller, mapping, target))
}

/// Who is calling, and how numbers are written there. A phone is its configured number whatever it claims.
fn who(index: &Index, question: &Question, trace: &mut Vec<Step>) -> (Identity, Option<NumberFormat>) {
    let (from, caller, format) = match question.source {
        Source::Trunk(place) => {
            let trunk = index.trunk(place);
            (Step::FromTrunk(trunk.name.clone()), question.caller, trunk.format_in)
        }
        Source::Phone(place) => {
            let phone = index.phone(place);
            (Step::FromPhone(phone.username.clone()), Identity::Known(phone.number), None)
        }
    };
    trace.extend([from, Step::Caller(caller)]);
    (caller, format)
}

/// The number that was dialled: never a special one, and in one reading only.
fn dialled(
    index: &Index,
    question: &Question,
    format: Option<NumberFormat>,
    trace: &mut Vec<Step>,
) -> Result<PhoneNumber, RefusalKind> {
    let numbering = index.numbering();
    if let Some(special) = numbering.special(&question.dialled) {
        trace.push(Step::DialledSpecial(special));
        return Err(special.into());
    }
    match numbering.read(&question.dialled, question.context.as_deref(), format) {
        Err(why) => {
            trace.push(Step::DialledUnreadable(why));
            Err(RefusalKind::Ambiguous)
        }
        Ok(number) => {
            trace.push(Step::Dialled(number));
            match numbering.special_number(number) {
                Some(special) if !index.owns(number) => {
                    trace.push(Step::DialledSpecial(special));
                    Err(special.into())
                }
                _ => Ok(number),
            }
        }
    }
}

/// The row for the number dialled and the caller: an exact one first, then one for anyone.
fn mapping(
    index: &Index,
    dialled: PhoneNumber,
    caller: Option<PhoneNumber>,
    trace: &mut Vec<Step>,
) -> Result<Mapping, RefusalKind> {
    let (step, kind) = if !index.owns(dialled) {
        (Step::DialledNotOurs, RefusalKind::NotOurs)
    } else if let Some(mapping) = caller.and_then(|caller| index.mapping_for(dialled, caller)) {
        trace.push(Step::MappedForCaller(mapping.destination));
        return Ok(*mapping);
    } else if let Some(mapping) = index.mapping_for_anyone(dialled) {
        trace.push(Step::MappedForAnyone(mapping.destination));
        return Ok(*mapping);
    } else if index.is_mapped(dialled) {
        (Step::NoMappingForCaller, RefusalKind::CallerNotAllowed)
    } else {
        (Step::NoMapping, RefusalKind::NoMapping)
    };
    trace.push(step);
    Err(kind)
}

/// Where the call is sent. What reading the settings has refused already is refused here again, so that no row
/// from elsewhere can loop, reach an emergency centre, or show a number that is not ours.
fn target(index: &Index, mapping: &Mapping, trace: &mut Vec<Step>) -> Result<Target, RefusalKind> {
    if index.owns(mapping.destination) {
        trace.push(Step::DestinationIsOurs);
        return Err(RefusalKind::DestinationOwn);
    }
    if let Some(special) = index.numbering().special_number(mapping.destination) {
        trace.push(Step::DestinationSpecial(special));
        return Err(special.into());
    }
    if !index.owns(mapping.show) {
        trace.push(Step::ShowNotOurs);
        return Err(RefusalKind::ShowNotAllowed);
    }
    trace.push(Step::Show(mapping.show));
    if let Some(place) = index.phone_of(mapping.destination) {
        trace.push(Step::ToPhone(index.phone(place).username.clone()));
        return Ok(Target::Phone(place));
    }
    let mut trunks = index.trunks_to(mapping.destination);
    if trunks.is_empty() {
        trace.push(Step::NoTrunk);
        return Err(RefusalKind::NoRoute);
    }
    trunks.retain(|&place| {
        let may = index.may_show(place, mapping.show);
        let name = index.trunk(place).name.clone();
        trace.push(if may { Step::ToTrunk(name) } else { Step::TrunkMayNotShow(name) });
        may
    });
    if trunks.is_empty() { Err(RefusalKind::ShowNotAllowed) } else { Ok(Target::Trunks(trunks)) }
}
