//! Plan files: a text is an error, or a plan that reads back from its own text.
#![no_main]

use dacapo_sim::plan::Plan;
use dacapo_sim::store::call::Call;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(plan) = text.parse::<Plan<Call>>() {
        let again = plan.to_string().parse::<Plan<Call>>();
        assert_eq!(again.map(|again| again.to_string()).ok(), Some(plan.to_string()));
    }
});
