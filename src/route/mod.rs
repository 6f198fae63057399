//! Floor 4. The question and the decision.
