//! Token refresh, as its users see it: only the public API, no network.
//!
//! Which law shows which case: `case` of the list of cases that a token refresh
//! has to get right, `bug` of those that users of other libraries have hit,
//! `seed fault` of those in recipes that are widely copied. A law is `file::name`
//! of this folder, or a path from the root. `map.rs` sees to it that each exists.
//!
//! ```text
//! case 1        attach::one_header_is_attached
//!               attach::the_callers_header_is_left_alone
//! case 3        attach::an_opted_out_call_gets_no_token_and_no_refresh
//! case 4        attach::another_origin_gets_no_token_and_cannot_bait_a_refresh
//!               attach::plain_http_is_refused_except_on_loopback
//! case 5        attach::a_redirect_elsewhere_carries_no_token_and_its_401_is_not_ours
//! case 6        attach::without_a_session_the_call_is_sent_bare
//!               attach::without_a_session_a_call_can_fail_before_it_is_sent
//! case 8        reactive::a_401_is_refreshed_and_replayed
//! case 9        reactive::a_403_is_passed_through
//!               reactive::a_403_counts_where_asked_for
//!               predicate::only_a_401_is_replayed_whatever_the_method
//! case 10       reactive::a_predicate_finds_refusals_in_a_200
//!               predicate::a_panic_is_a_no_and_is_counted_once
//! case 11       reactive::a_second_401_is_returned
//!               replay::a_call_is_replayed_once_whoever_else_replays
//! case 12       reactive::parallel_refusals_make_one_refresh_and_parallel_replays
//! case 13       reactive::a_late_refusal_of_an_old_token_is_replayed_without_a_refresh
//! case 14       shared_store::a_newer_token_in_the_store_is_adopted_without_a_refresh
//!               file_store::a_newer_token_of_another_process_is_adopted_without_a_refresh
//! case 16       step_up::a_missing_scope_is_a_step_up_and_no_refresh
//!               step_up::missing_claims_are_decoded
//! case 18       attach::an_expired_token_is_refreshed_before_it_is_sent
//!               storm::all_stale_at_once_make_one_refresh_and_no_refusal
//! case 19       early::the_old_token_goes_out_at_once_and_one_refresh_is_made
//! case 20       early::a_failure_concerns_nobody_and_waits_before_the_next_try
//! case 21       attach::within_the_leeway_calls_wait_for_the_next_token
//!               attach::within_the_leeway_a_failure_is_an_error
//! case 22       attach::an_unknown_expiry_is_never_refreshed_ahead
//!               jwt::a_token_says_itself_when_it_expires_if_it_is_asked
//! case 25       clock::after_a_sleep_of_the_machine_nobody_is_refused
//! case 26       early::sessions_differ_in_when_they_begin_unless_their_seed_is_the_same
//! case 27       failure::a_transient_failure_keeps_the_token_and_says_when_to_come_back
//!               failure::a_failure_is_shared_by_all_who_wait
//! case 28       failure::during_the_cooldown_the_same_failure_is_the_answer_without_io
//!               down::after_the_pause_many_calls_make_one_attempt
//!               clock::a_pause_does_not_go_by_the_clock_that_can_be_set
//! case 29       failure::signing_in_ends_the_cooldown
//!               src/auth/session/limit.rs::pauses_double_up_to_thirty_seconds
//! case 30       failure::invalid_grant_ends_the_session_once_and_without_further_io
//! case 32       failure::invalid_client_keeps_the_session
//! case 34       tries::retry_after_is_kept
//!               down::a_busy_server_is_left_alone_while_the_token_lives
//! case 35       tries::no_connection_is_tried_again_within_the_refresh
//!               down::a_read_timeout_is_not_asked_again_blindly
//! case 38       panics::a_panic_in_the_refresher_is_an_error_and_the_next_call_works
//!               panics::a_panic_in_an_event_handler_harms_nobody
//!               store_panics::a_panic_before_the_grant_spends_nothing
//!               store_panics::a_panic_after_the_grant_loses_no_token
//!               store_panics::a_panic_at_the_end_concerns_nobody
//! case 39       cancel::a_cancelled_leader_harms_nobody
//!               leaving::who_is_cancelled_leaves_alone
//! case 40       cancel::when_all_have_left_the_token_is_stored_all_the_same
//!               leaving::what_is_being_stored_when_all_leave_is_stored
//! case 41       cancel::a_waiter_that_times_out_fails_alone
//!               leaving::a_leader_that_times_out_fails_alone
//! case 43       cancel::a_dropped_client_leaves_no_task_and_no_timer
//!               leaving::a_dropped_client_leaves_nothing_behind
//!               leaving::a_refresh_that_hangs_is_all_that_is_left_of_a_client
//! case 44       rotation::a_new_refresh_token_is_the_next_to_be_presented
//!               rotation::an_omitted_refresh_token_keeps_the_old_one
//! case 45       rotation::the_store_has_the_token_before_the_first_replay
//!               store::a_waiter_is_woken_after_the_write
//! case 47       mark::a_store_that_cannot_be_marked_spends_nothing
//!               file_store::a_store_that_cannot_be_locked_spends_no_refresh_token
//! case 49       tests/file_store/syscalls.rs::can_be_killed_at_each_call
//!               tests/file_store/kills.rs::a_process_that_is_killed_at_random_loses_nothing
//!               tests/file_store/files.rs::every_file_is_private_from_the_start_under_any_umask
//! case 50       store::an_unusable_token_in_the_store_is_named_and_not_shown
//!               file_store::content_that_is_no_record_is_reported_without_its_text
//! case 51       identity::a_sign_out_during_a_refresh_stays_signed_out
//! case 53       apart::two_sessions_refresh_at_once_and_do_not_mix
//!               apart::the_pause_of_one_session_holds_no_other_up
//!               apart::the_limit_of_one_session_is_not_used_up_by_another
//!               apart::the_end_of_one_session_ends_no_other
//! case 54       file_store::processes_that_are_refused_together_refresh_once
//!               tests/file_store/rotations.rs::sessions_of_many_processes_present_each_refresh_token_once
//! case 55       mark::a_mark_of_somebody_else_is_a_lost_answer
//!               tests/file_store/kills.rs::the_lease_of_a_killed_process_is_free_and_a_higher_fence_comes_next
//! case 56       mark::the_higher_fence_wins
//! case 60       store::a_token_that_is_fresh_needs_no_store
//!               store::a_store_that_cannot_be_read_spends_no_refresh_token
//! case 62       lifecycle::a_sign_out_elsewhere_is_seen_without_a_refresh
//!               watch::a_sign_out_elsewhere_ends_the_session_without_a_call
//!               clock::a_sign_out_elsewhere_is_seen_though_the_clock_is_set_back
//! case 63       replay::a_post_is_replayed_with_the_same_bytes
//!               dpop::a_replay_has_a_new_proof_for_the_new_token
//! case 64       replay::a_one_shot_body_is_not_sent_again_but_the_token_is_renewed
//!               replay::a_one_shot_body_where_every_status_is_accepted_says_why
//! case 65       replay::a_body_factory_is_asked_once_more
//! case 67       replay::other_interceptors_run_again_on_the_original_request
//!               replay::an_interceptor_registered_later_sees_the_call_once
//!               ejected::a_call_on_its_way_is_refreshed_though_the_pair_is_ejected
//!               ejected::a_pair_that_is_registered_again_goes_on_with_its_session
//!               ejected::clearing_the_registries_in_a_replay_ends_nothing
//! case 68       reactive::a_refresh_passes_no_interceptor
//!               saturated::a_refresh_takes_no_place_of_the_callers_limit
//! case 70       cancel::a_refresher_that_answers_at_once_deadlocks_nobody
//!               cancel::both_engines_share_one_flight
//!               saturated::a_refresher_that_blocks_on_its_own_client_fails_at_once
//! case 71       counted::each_end_of_a_refresh_is_counted_by_its_class
//!               counted::a_recovery_is_counted
//!               counted::waiters_replays_and_late_refusals_are_counted
//!               counted::who_waits_for_the_lease_of_another_session_adopts_its_token
//!               counted::waits_for_a_lease_and_failed_writes_are_counted
//!               lifecycle::signing_out_revokes_what_was_in_use
//! case 72       secrecy::no_public_type_prints_a_secret
//!               secrecy::no_error_and_no_event_prints_a_secret
//!               secrecy::no_response_and_no_status_error_prints_a_secret
//!               printed::a_challenge_a_step_up_and_a_proof_print_no_secret
//!               printed::every_event_and_every_status_prints_no_secret
//!               printed::stores_and_records_print_no_secret
//!               printed::refresh_errors_print_no_secret_of_their_causes
//!               printed::the_strict_server_prints_no_secret
//!               printed::every_public_type_of_auth_is_printed
//!               tests/it/redaction.rs::forms_print_no_value
//! case 74       dpop_nonce::a_nonce_is_put_in_without_a_refresh
//!               dpop::a_replay_has_a_new_proof_for_the_new_token
//!
//! bug 1         cancel::both_engines_share_one_flight
//!               overtaken::an_older_refresh_serves_those_refused_meanwhile
//! bug 2         reactive::a_late_refusal_of_an_old_token_is_replayed_without_a_refresh
//! bug 3         reactive::two_clients_share_one_refresh
//!               storm::all_refused_at_once_make_one_refresh_and_no_failure
//! bug 4         failure::during_the_cooldown_the_same_failure_is_the_answer_without_io
//!               panics::a_panic_in_the_refresher_is_an_error_and_the_next_call_works
//! bug 5         reactive::a_refresh_through_the_same_client_fails_at_once
//! bug 6         saturated::a_refresh_finds_a_connection_though_all_were_in_use
//!               saturated::a_refused_stream_holds_no_connection_up
//!               saturated::a_refused_stream_of_any_status_holds_no_connection_up
//! bug 7         cancel::a_cancel_handle_stops_the_caller_and_not_the_refresh
//!               leaving::an_answer_that_nobody_waits_for_is_not_lost
//! bug 8         cancel::a_waiter_that_times_out_fails_alone
//!               leaving::a_leader_that_times_out_fails_alone
//! bug 9         cancel::a_refresh_that_hangs_ends_by_its_own_deadline
//!               leaving::a_caller_leaves_at_its_own_time_and_the_token_is_kept
//! bug 10        identity::a_sign_out_during_a_refresh_stays_signed_out
//! bug 11        identity::a_refusal_for_the_last_user_does_not_touch_the_next
//! bug 12        overtaken::an_older_refresh_does_not_bring_the_refused_token_back
//!               failure::the_refused_token_once_more_is_not_replayed
//! bug 13        rotation::an_omitted_refresh_token_keeps_the_old_one
//! bug 14        rotation::a_new_refresh_token_is_the_next_to_be_presented
//! bug 15        rotation::a_lifetime_below_the_leeway_makes_no_loop
//!               clock::many_callers_of_short_lived_tokens_make_one_refresh_each_time
//! bug 16        clock::an_expiry_that_cannot_be_read_is_unknown
//!               refreshers::an_answer_is_read_as_far_as_it_makes_sense
//! bug 17        store::a_token_that_cannot_be_stored_is_used_and_stored_later
//!               store::a_refresh_before_the_store_is_back_presents_the_new_token
//! bug 18        mark::a_store_that_cannot_be_marked_spends_nothing
//! bug 19        mark::the_mark_is_there_while_the_token_is_spent_and_gone_after
//!               mark::a_mark_of_somebody_else_is_a_lost_answer
//! bug 20        shared_store::sessions_that_come_later_adopt_what_the_first_one_got
//!               file_store::processes_that_are_refused_together_refresh_once
//! bug 21        shared_store::the_stored_refresh_token_is_presented_and_not_the_remembered_one
//!               store::a_lease_is_taken_before_the_read_and_given_back_at_the_end
//! bug 22        mark::the_higher_fence_wins
//!               tests/file_store/conformance.rs::two_file_stores_over_one_path_conform
//! bug 23        mark::the_higher_fence_wins
//!               shared_store::a_token_that_was_stored_first_is_not_overwritten
//! bug 24        store::a_store_that_cannot_be_read_spends_no_refresh_token
//!               counted::who_waits_for_the_lease_of_another_session_adopts_its_token
//! bug 25        shared_store::a_refusal_after_a_lost_race_adopts_the_winners_token
//!               interleaved::a_token_that_is_stored_at_the_last_moment_saves_the_session
//! bug 26        early::a_server_that_is_down_costs_no_call_while_the_token_lives
//!               down::a_fault_of_the_network_costs_no_call_while_the_token_lives
//! bug 27        down::the_session_outlives_every_fault_of_the_network
//! bug 28        failure::a_proxys_page_is_no_verdict_on_the_token
//! bug 29        down::a_busy_server_is_left_alone_while_the_token_lives
//!               down::a_busy_server_is_left_alone_where_nothing_else_helps
//! bug 30        failure::a_server_that_is_down_is_asked_ever_more_rarely
//! bug 31        failure::refreshes_are_limited_to_five_in_thirty_seconds
//!               down::an_api_that_refuses_every_token_signs_nobody_out
//! bug 32        reactive::a_403_is_passed_through
//! bug 33        step_up::a_missing_scope_is_a_step_up_and_no_refresh
//! bug 34        replay::a_post_is_replayed_with_the_same_bytes
//! bug 35        replay::a_one_shot_body_is_not_sent_again_but_the_token_is_renewed
//! bug 36        attach::a_redirect_elsewhere_carries_no_token_and_its_401_is_not_ours
//! bug 37        clock::after_a_sleep_of_the_machine_nobody_is_refused
//! bug 38        jwt::a_clock_that_is_wrong_makes_no_loop
//!               clock::a_wrong_clock_makes_no_loop
//!               clock::a_clock_that_is_set_back_costs_one_refusal
//!               clock::a_clock_that_jumps_to_and_fro_makes_no_loop
//! bug 39        failure::invalid_grant_ends_the_session_once_and_without_further_io
//! bug 40        leaving::who_is_cancelled_leaves_alone
//! bug 41        cancel::a_refresher_that_answers_at_once_deadlocks_nobody
//!               cancel::a_runtime_that_spawns_in_place_deadlocks_nobody
//! bug 42        handlers::a_handler_may_use_client_and_session
//!               handlers::a_handler_may_sign_in
//!               handlers::a_handler_may_sign_out_in_the_middle_of_a_refresh
//! bug 43        apart::two_sessions_refresh_at_once_and_do_not_mix
//! bug 44        leaving::a_dropped_client_leaves_nothing_behind
//!               leaving::a_refresh_that_hangs_is_all_that_is_left_of_a_client
//! bug 45        src/auth/session/snapshot.rs::a_thousand_processes_spread_over_the_window
//!
//! seed fault 1  failure::a_failure_is_shared_by_all_who_wait
//!               storm::all_refused_at_once_make_one_refresh_and_no_failure
//!               storm::all_refused_at_once_share_one_failure
//! seed fault 2  seeds::an_error_without_a_response_keeps_its_cause
//! seed fault 3  seeds::a_new_token_gets_into_no_default_and_no_other_client
//! seed fault 4  seeds::a_body_keeps_its_content_type
//! seed fault 5  seeds::what_is_no_refusal_is_passed_on
//! seed fault 6  reactive::a_403_is_passed_through
//!               step_up::a_plain_403_stays_what_it_is
//! seed fault 7  shared_store::a_token_that_was_stored_first_is_not_overwritten
//!               tests/file_store/rotations.rs::processes_that_rotate_by_hand_present_each_refresh_token_once
//! seed fault 8  seeds::a_damaged_record_fails_calls_by_name_until_it_is_whole
//!               seeds::a_missing_record_is_nobody_signed_in_until_it_is_there
//!               file_store::content_that_is_no_record_is_reported_without_its_text
//! seed fault 9  replay::a_post_is_replayed_with_the_same_bytes
//! seed fault 10 reactive::a_refresh_passes_no_interceptor
//!               reactive::a_refresh_through_the_same_client_fails_at_once
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy exempts test functions, but not the generic laws and helpers beside them"
)]

/// Runs each law on the async and on the blocking engine.
macro_rules! both {
    ($($law:ident),* $(,)?) => {
        mod on_async {
            $(#[test] fn $law() { super::$law::<tollgate::client::Async>(); })*
        }
        mod on_blocking {
            $(#[test] fn $law() { super::$law::<tollgate::client::Blocking>(); })*
        }
    };
}

mod support;

mod apart;
mod attach;
mod cancel;
mod carried;
mod challenge;
mod clock;
mod configure;
mod cookie_jar;
mod cookies;
mod counted;
mod down;
mod dpop;
mod dpop_nonce;
mod early;
mod ejected;
mod failure;
mod file_store;
mod handlers;
mod identity;
mod interleaved;
mod jwt;
mod keyed;
mod keyed_limit;
mod keyed_model;
mod keyed_replay;
mod leaving;
mod lifecycle;
mod map;
mod mark;
mod outage;
mod overtaken;
mod panics;
mod predicate;
mod printed;
mod races;
mod reactive;
mod refreshers;
mod replay;
mod rotation;
mod saturated;
mod secrecy;
mod seeds;
mod shared_store;
mod step_up;
mod store;
mod store_panics;
mod storm;
mod torture;
mod tries;
mod undone;
mod watch;
