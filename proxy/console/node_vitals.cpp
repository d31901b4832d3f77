// SPDX-License-Identifier: Apache-2.0
#include "proxy/console/node_vitals.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace slotway::proxy {
namespace {

constexpr std::uint64_t kSilentMaxMs = 5000;

constexpr auto kShown = std::to_array<std::string_view>({
    "redis_version", "slotway_version", "valkey_version", "uptime_in_seconds", "role",
    "connected_clients", "blocked_clients", "used_memory", "used_memory_rss", "maxmemory",
    "maxmemory_policy", "mem_fragmentation_ratio", "evicted_keys", "expired_keys",
    "keyspace_hits", "keyspace_misses", "instantaneous_ops_per_sec", "total_commands_processed",
    "loading", "rdb_bgsave_in_progress", "rdb_last_bgsave_status", "rdb_changes_since_last_save",
    "aof_enabled", "aof_last_write_status", "aof_last_bgrewrite_status", "master_link_status",
    "master_last_io_seconds_ago", "master_sync_in_progress", "connected_slaves",
    "master_repl_offset", "slave_repl_offset", "used_cpu_sys", "used_cpu_user",
});

std::string_view CutUntil(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view head = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return head;
}

std::string_view CutLine(std::string_view& rest) {
  std::string_view line = CutUntil(rest, '\n');
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

template <class Number>
Number NumberIn(std::string_view text) {
  Number number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// "db0:keys=12,expires=0,avg_ttl=0"
bool IsDatabase(std::string_view name) {
  return name.size() > 2 && name.starts_with("db") && name[2] >= '0' && name[2] <= '9';
}

std::size_t CountSlots(std::string_view ranges) {
  std::size_t count = 0;
  while (!ranges.empty()) {
    std::string_view range = CutUntil(ranges, ' ');
    const auto first = NumberIn<std::size_t>(CutUntil(range, '-'));
    const std::size_t last = range.empty() ? first : NumberIn<std::size_t>(range);
    if (last >= first) count += last - first + 1;
  }
  return count;
}

// A field of a map in one of CLUSTER GETSLOTMIGRATIONS' rows.
std::string_view FieldOf(const protocol::RespValue& row, std::string_view name) {
  for (std::size_t i = 0; i + 1 < row.elements.size(); i += 2) {
    if (row.elements[i].text == name) return row.elements[i + 1].text;
  }
  return {};
}

std::vector<SlotMove> ReadMigrations(const protocol::RespValue& reply) {
  std::vector<SlotMove> moves;
  for (const protocol::RespValue& row : reply.elements) {
    const std::string_view state = FieldOf(row, "state");
    if (FieldOf(row, "operation") != "EXPORT" || state == "success" || state == "failed" ||
        state == "cancelled") {
      continue;
    }
    std::string slots(FieldOf(row, "slot_ranges"));
    moves.push_back({slots, std::string(FieldOf(row, "target_node")), CountSlots(slots)});
  }
  return moves;
}

}  // namespace

InfoFields ReadInfo(std::string_view text) {
  InfoFields fields;
  std::uint64_t keys = 0;
  while (!text.empty()) {
    std::string_view value = CutLine(text);
    const std::string_view name = CutUntil(value, ':');
    if (IsDatabase(name) && value.starts_with("keys=")) {
      keys += NumberIn<std::uint64_t>(value.substr(5));
    } else if (std::find(kShown.begin(), kShown.end(), name) != kShown.end()) {
      fields[std::string(name)] = value;
    }
  }
  fields["keys"] = std::to_string(keys);
  return fields;
}

std::vector<SlotMove> ReadMoves(std::string_view cluster_nodes) {
  std::map<std::string, SlotMove> by_target;
  while (!cluster_nodes.empty()) {
    std::string_view line = CutLine(cluster_nodes);
    if (line.find("myself") == std::string_view::npos) continue;
    while (!line.empty()) {
      std::string_view word = CutUntil(line, ' ');
      const std::size_t arrow = word.find("->-");
      if (!word.starts_with('[') || !word.ends_with(']') || arrow == std::string_view::npos) continue;
      const std::string target(word.substr(arrow + 3, word.size() - arrow - 4));
      SlotMove& move = by_target[target];
      move.to = target;
      if (move.count++ > 0) move.slots += ' ';
      move.slots += word.substr(1, arrow - 1);
    }
  }
  std::vector<SlotMove> moves;
  for (auto& [target, move] : by_target) moves.push_back(std::move(move));
  return moves;
}

std::vector<SlotMove> NodeVitals::Moves() const {
  std::vector<SlotMove> moves = by_key_;
  moves.insert(moves.end(), as_one_.begin(), as_one_.end());
  return moves;
}

void NodeVitals::Put(Question question) {
  if (question == Question::kInfo) Send({"INFO"});
  if (question == Question::kNodes) Send({"CLUSTER", "NODES"});
  if (question == Question::kMigrations) Send({"CLUSTER", "GETSLOTMIGRATIONS"});
  asked_.push_back(question);
}

void NodeVitals::Ask(bool asks_moves) {
  if (!asked_.empty()) {
    if (Loop().NowMs() - asked_at_ms_ <= kSilentMaxMs) return;
    Drop();
    OnDropped();
  }
  if (!IsUp()) Connect();
  asked_at_ms_ = Loop().NowMs();
  Put(Question::kInfo);
  if (!asks_moves) return;
  Put(Question::kNodes);
  if (knows_migrations_) Put(Question::kMigrations);
}

void NodeVitals::OnReply(const protocol::RespValue& reply) {
  if (asked_.empty() || reply.kind == protocol::RespValue::Kind::kPush) return;
  const Question question = asked_.front();
  asked_.erase(asked_.begin());
  if (question == Question::kInfo) {
    info_ = reply.IsText() ? ReadInfo(reply.text) : InfoFields();
  } else if (question == Question::kNodes) {
    by_key_ = reply.IsText() ? ReadMoves(reply.text) : std::vector<SlotMove>();
  } else if (reply.IsError()) {
    knows_migrations_ = false;
  } else {
    as_one_ = ReadMigrations(reply);
  }
}

void NodeVitals::OnDropped() {
  asked_.clear();
  info_.clear();
  by_key_.clear();
  as_one_.clear();
}

}  // namespace slotway::proxy
