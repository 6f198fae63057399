//! Floor 4. What may cross between legs, and the writer of each leg's messages.
