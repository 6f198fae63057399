//! Floor 2. Pure media: what happens to each RTP and RTCP packet.
