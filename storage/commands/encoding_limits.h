// SPDX-License-Identifier: Apache-2.0
// The settings by which encodings switch, as the types take them.
#pragma once

#include "config/shard_config.h"
#include "storage/types/value_limits.h"

namespace slotway::storage {

inline HashLimits HashLimitsOf(const config::ShardConfig& config) {
  return {.listpack_entries_max = config.hash_max_listpack_entries,
          .listpack_value_bytes_max = config.hash_max_listpack_value};
}

inline ListLimits ListLimitsOf(const config::ShardConfig& config) {
  const std::uint64_t threshold = config.quicklist_packed_threshold;
  return {.listpack_size = config.list_max_listpack_size,
          .packed_bytes_max = threshold != 0 ? threshold : SIZE_MAX};
}

inline SetLimits SetLimitsOf(const config::ShardConfig& config) {
  return {.intset_entries_max = config.set_max_intset_entries,
          .listpack_entries_max = config.set_max_listpack_entries,
          .listpack_value_bytes_max = config.set_max_listpack_value};
}

inline SortedSetLimits SortedSetLimitsOf(const config::ShardConfig& config) {
  return {.listpack_entries_max = config.zset_max_listpack_entries,
          .listpack_value_bytes_max = config.zset_max_listpack_value};
}

inline StreamLimits StreamLimitsOf(const config::ShardConfig& config) {
  return {.node_bytes_max = config.stream_node_max_bytes,
          .node_entries_max = config.stream_node_max_entries};
}

inline ValueLimits ValueLimitsOf(const config::ShardConfig& config) {
  return {.hash = HashLimitsOf(config),
          .list = ListLimitsOf(config),
          .set = SetLimitsOf(config),
          .sorted_set = SortedSetLimitsOf(config),
          .stream = StreamLimitsOf(config)};
}

}  // namespace slotway::storage
