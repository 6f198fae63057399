//! One suite for both databases. The half on PostgreSQL needs a server: `./test` starts a private one, and names it in
//! `MASKLINE_TEST_POSTGRES`. Without it that half fails, or with `MASKLINE_TEST_WITHOUT_POSTGRES=1` tests nothing.

#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::disallowed_methods, reason = "real processes and servers are waited for by the real clock")]

#[path = "store/callbacks.rs"]
mod callbacks;
#[path = "store/calls.rs"]
mod calls;
#[path = "store/database.rs"]
mod database;
#[path = "store/erasing.rs"]
mod erasing;
#[path = "store/events.rs"]
mod events;
#[path = "store/faults.rs"]
mod faults;
#[path = "store/full.rs"]
mod full;
#[path = "store/keeper.rs"]
mod keeper;
#[path = "store/make.rs"]
mod make;
#[path = "store/nodes.rs"]
mod nodes;
#[path = "store/numbers.rs"]
mod numbers;
#[path = "store/party.rs"]
mod party;
#[path = "store/redaction.rs"]
mod redaction;
#[path = "support/session.rs"]
mod session;
#[path = "store/sessions.rs"]
mod sessions;
#[path = "store/wire.rs"]
mod wire;

/// Runs each test on both databases.
macro_rules! on_both {
    ($($part:ident :: $name:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "current_thread")]
            async fn $name() {
                super::$part::$name(super::database::Database::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "current_thread")]
            async fn $name() {
                if let Some(database) = super::database::Database::postgres().await {
                    super::$part::$name(database).await;
                }
            })*
        }
    };
}

on_both! {
    sessions::a_session_is_kept_whole
    sessions::a_request_that_comes_twice_makes_one
    sessions::a_reference_is_unique
    sessions::a_channel_has_one_session_at_a_time
    sessions::a_conflict_leaves_nothing_behind
    sessions::a_change_is_made_to_what_was_read
    sessions::a_change_moves_the_channels
    sessions::what_a_change_gives_up_rests
    sessions::a_former_party_is_erased_too
    sessions::a_session_over_lets_go_and_may_come_back
    sessions::a_session_and_its_event_are_kept_together
    sessions::the_last_numbers_of_a_pair_are_found
    sessions::filters_tell_sessions_apart
    sessions::pages_of_sessions_stay_as_they_are
    sessions::the_index_loads_what_is_not_free
    sessions::a_hundred_at_once_get_no_channel_twice
    numbers::the_inventory_has_each_number_once
    numbers::a_number_keeps_its_web_service_and_tells_no_log_of_its_path
    numbers::a_database_of_numbers_without_web_services_is_brought_to_this_version
    party::a_new_party_gets_another_number_where_its_own_is_taken
    party::many_that_are_given_one_party_at_once_share_no_channel
    calls::a_call_is_kept_once_and_its_end_stays
    calls::filters_tell_calls_apart
    calls::pages_of_calls_stay_as_they_are
    calls::calls_move_the_expiry_and_bind_a_caller
    calls::a_call_does_not_take_back_the_operators_expiry
    calls::what_comes_late_takes_no_channel
    calls::a_batch_is_kept_whole_or_not_at_all
    events::each_is_kept_once_in_order
    events::each_is_told_once_it_is_kept
    events::one_that_cannot_be_read_is_passed_over
    events::answers_are_noted_once
    callbacks::callbacks_of_one_call_are_given_out_one_after_the_other
    callbacks::a_callback_that_nobody_settles_is_given_out_again
    callbacks::whoever_has_waited_longest_comes_first
    callbacks::what_is_too_old_is_given_up_whether_it_was_tried_or_not
    callbacks::two_nodes_never_have_the_same_callback
    callbacks::every_event_is_told_at_the_status_url_as_well
    callbacks::a_database_without_callbacks_is_brought_to_this_version
    callbacks::one_that_cannot_be_read_holds_up_no_other
    callbacks::what_is_erased_or_removed_is_not_told
    redaction::a_party_leaves_everything
    redaction::a_party_may_be_erased_again_and_again
    redaction::a_number_is_erased_however_it_is_written
    redaction::a_session_that_is_closed_by_erasing_is_told
    redaction::keys_tell_nothing_and_are_forgotten
    redaction::a_row_that_cannot_be_read_is_erased_as_text
    redaction::what_is_brought_again_stays_erased
    redaction::what_is_over_for_long_is_removed
    redaction::channels_that_are_free_for_long_are_removed
    faults::a_newer_database_is_refused
    faults::another_program_s_database_is_left_alone
    faults::it_is_there_when_it_is_opened_again
    faults::it_says_whether_it_takes_writes
}
