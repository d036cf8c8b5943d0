// SPDX-License-Identifier: GPL-2.0-only
//! What the release says of a map.
//!
//! Source: `map_direct_value_addr` of each map type.

use bpf::map::MapDef;

use crate::facts::map_rules::is_inner_map;
use crate::facts::rule::Rule;
use crate::input::Input;

impl Input<'_> {
    /// Whether programs can point into the first value with `ld_imm64`.
    pub(crate) fn has_direct_value_addr(&self, map: &MapDef) -> bool {
        let maps = &self.release.tables.maps;
        maps.has_direct_value_addr(map.map_type)
    }

    /// Whether a lookup with a known key below `max_entries` cannot fail.
    pub(crate) fn can_elide_value_nullness(&self, map: &MapDef) -> bool {
        let maps = &self.release.tables.maps;
        let known_size = !is_inner_map(map) || !self.profile.has(Rule::INNER_MAP_NULLNESS);
        self.profile.has(Rule::MAP_LOOKUP_NULLNESS)
            && known_size
            && maps.can_elide_value_nullness(map.map_type)
    }
}
