// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/slow_log.h"

#include <algorithm>
#include <deque>
#include <map>
#include <string_view>
#include <utility>

#include "protocol/command_table.h"
#include "protocol/resp_array.h"
#include "protocol/resp_reply_value.h"
#include "protocol/resp_writer.h"
#include "protocol/secret_arguments.h"

namespace slotway::proxy {
namespace {

// An entry's fields, as encoded: id, time, microseconds, arguments, address, name.
constexpr std::size_t kFields = 6;
// What is one request happens within that, by clocks that tell whole seconds.
constexpr std::int64_t kSpreadSeconds = 1;
// Ids of one second differ in these bits: numbers stay below 2^53, which any client can read.
constexpr int kIdBits = 20;

struct Entry {
  std::vector<std::string_view> fields;
  std::int64_t id = 0, time = 0, microseconds = 0;
  std::optional<std::size_t> group;
};

// One request's entries, by shard.
struct Group {
  std::vector<const Entry*> members;
  bool is_told = false;
};

struct Log {
  std::vector<Entry> entries;  // newest first
  std::size_t told = 0;
  bool may_go_on = false;  // older entries were not asked for

  const Entry* Next() const { return told < entries.size() ? &entries[told] : nullptr; }
};

bool IsOfEachShard(std::string_view encoded_args) {
  auto value = protocol::ParseRespValue(encoded_args);
  if (!value) return false;
  std::vector<std::string_view> args;
  for (const protocol::RespValue& arg : value->elements) args.push_back(arg.text);
  const protocol::CommandSpec* spec = args.empty() ? nullptr : protocol::FindCommand(args);
  return spec != nullptr && GoesToEachShard(*spec);
}

// The arguments without those that no log may show; nothing if there are none.
std::optional<std::string> WithoutSecrets(std::string_view encoded_args) {
  auto value = protocol::ParseRespValue(encoded_args);
  if (!value) return std::nullopt;
  std::vector<std::string_view> args;
  for (const protocol::RespValue& arg : value->elements) args.push_back(arg.text);
  const protocol::CommandSpec* spec = args.empty() ? nullptr : protocol::FindCommand(args);
  if (spec == nullptr) return std::nullopt;
  std::string shown;
  protocol::StringSink sink{shown};
  protocol::RespWriter<protocol::StringSink> writer(sink, protocol::RespVersion::kResp2);
  writer.Array(args.size());
  bool has_secrets = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const bool is_secret = protocol::IsSecretArgument(*spec, args, i);
    has_secrets = has_secrets || is_secret;
    writer.Bulk(is_secret ? protocol::kRedacted : args[i]);
  }
  return has_secrets ? std::optional(std::move(shown)) : std::nullopt;
}

// A proxy's connections have names of their own, behind what names the proxy ("slotway-1f2e3d4c").
std::string NameOfAsker(std::string_view encoded_name) {
  constexpr std::size_t kNameOfProxyBytes = 16;
  auto name = protocol::ParseRespValue(encoded_name);
  if (!name || !name->text.starts_with("slotway-")) return std::string(encoded_name);
  return name->text.substr(0, kNameOfProxyBytes);
}

class SlowLogJoin {
 public:
  SlowLogJoin(std::span<const std::string> replies, std::optional<std::size_t> asked) {
    for (const std::string& reply : replies) {
      Read(reply, static_cast<std::int64_t>(logs_.size()), static_cast<std::int64_t>(replies.size()));
      logs_.back().may_go_on = asked && logs_.back().entries.size() >= *asked;
    }
    if (logs_.size() > 1) FindGroups();
  }

  std::vector<std::string> Told() {
    while (TellNext()) {
    }
    // Clocks of shards differ: what they say goes before.
    std::stable_sort(told_.begin(), told_.end(),
                     [](const Said& a, const Said& b) { return a.time > b.time; });
    std::vector<std::string> entries;
    for (Said& said : told_) entries.push_back(std::move(said.bytes));
    return entries;
  }

 private:
  struct Said {
    std::int64_t time;
    std::string bytes;
  };

  void Read(std::string_view reply, std::int64_t shard, std::int64_t shards) {
    Log& log = logs_.emplace_back();
    std::vector<std::string_view> items;
    protocol::SplitArray(reply, items);
    for (std::string_view item : items) {
      Entry entry;
      if (!protocol::SplitArray(item, entry.fields) || entry.fields.size() < kFields) continue;
      auto id = protocol::ParseIntegerReply(entry.fields[0]);
      auto time = protocol::ParseIntegerReply(entry.fields[1]);
      auto microseconds = protocol::ParseIntegerReply(entry.fields[2]);
      if (!id || !time || !microseconds) continue;
      if (auto shown = WithoutSecrets(entry.fields[3])) {
        entry.fields[3] = shown_.emplace_back(std::move(*shown));
      }
      entry.time = *time;
      entry.microseconds = *microseconds;
      constexpr std::int64_t kMask = (std::int64_t{1} << kIdBits) - 1;
      entry.id = shards == 1 ? *id : (*time << kIdBits) | ((*id * shards + shard) & kMask);
      log.entries.push_back(std::move(entry));
    }
  }

  // From the newest back: of older ones a shard may have forgotten its part.
  void FindGroups() {
    std::map<std::string, std::vector<std::vector<Entry*>>> alike;  // by text, then by shard
    for (std::size_t shard = 0; shard < logs_.size(); ++shard) {
      for (Entry& entry : logs_[shard].entries) {
        auto& of_shards = alike[std::string(entry.fields[3]) + NameOfAsker(entry.fields[5])];
        of_shards.resize(logs_.size());
        of_shards[shard].push_back(&entry);
      }
    }
    for (auto& [text, of_shards] : alike) {
      for (auto& entries : of_shards) std::reverse(entries.begin(), entries.end());
      auto some = std::find_if(of_shards.begin(), of_shards.end(),
                               [](const auto& entries) { return !entries.empty(); });
      if (!IsOfEachShard((*some)[0]->fields[3])) continue;
      while (FormGroup(of_shards)) {
      }
    }
  }

  // Of the newest entry left, which are last in their lists, and of what is next to it in time.
  bool FormGroup(std::vector<std::vector<Entry*>>& of_shards) {
    std::int64_t newest = -1;
    for (const auto& entries : of_shards) {
      if (!entries.empty()) newest = std::max(newest, entries.back()->time);
    }
    if (newest < 0) return false;
    Group& group = groups_.emplace_back();
    group.members.resize(of_shards.size());
    for (std::size_t shard = 0; shard < of_shards.size(); ++shard) {
      auto& entries = of_shards[shard];
      if (entries.empty() || entries.back()->time < newest - kSpreadSeconds) continue;
      entries.back()->group = groups_.size() - 1;
      group.members[shard] = entries.back();
      entries.pop_back();
    }
    return true;
  }

  // Whether all that came after the entry, on any shard, has been told.
  bool IsDue(const Entry& entry) const {
    if (!entry.group) return true;
    const Group& group = groups_[*entry.group];
    for (std::size_t shard = 0; shard < logs_.size(); ++shard) {
      const Log& log = logs_[shard];
      if (group.members[shard] == nullptr ? log.may_go_on && log.Next() != nullptr
                                          : log.Next() != group.members[shard]) {
        return false;
      }
    }
    return true;
  }

  bool TellNext() {
    const Entry *due = nullptr, *any = nullptr;
    auto is_newer = [](const Entry& entry, const Entry* than) {
      return than == nullptr || entry.time > than->time;
    };
    for (const Log& log : logs_) {
      const Entry* next = log.Next();
      if (next == nullptr) continue;
      if (is_newer(*next, any)) any = next;
      if (IsDue(*next) && is_newer(*next, due)) due = next;
    }
    if (any == nullptr) return false;
    Tell(due != nullptr ? *due : *any);  // none is due: shards had requests in different orders
    return true;
  }

  void Tell(const Entry& entry) {
    std::int64_t id = entry.id, time = entry.time;
    const Entry* slowest = &entry;
    if (entry.group) {
      groups_[*entry.group].is_told = true;
      for (const Entry* member : groups_[*entry.group].members) {
        if (member == nullptr) continue;
        if (member->microseconds > slowest->microseconds) slowest = member;
        id = std::min(id, member->id);
        time = std::min(time, member->time);
      }
    }
    Said& said = told_.emplace_back(Said{time, {}});
    protocol::StringSink sink{said.bytes};
    protocol::RespWriter<protocol::StringSink> writer(sink, protocol::RespVersion::kResp2);
    writer.Array(slowest->fields.size());
    writer.Integer(id);
    writer.Integer(time);
    for (std::size_t i = 2; i < slowest->fields.size(); ++i) said.bytes += slowest->fields[i];
    for (Log& log : logs_) {
      while (log.Next() != nullptr && IsTold(*log.Next(), entry)) ++log.told;
    }
  }

  bool IsTold(const Entry& next, const Entry& just_told) const {
    return next.group ? groups_[*next.group].is_told : &next == &just_told;
  }

  std::deque<std::string> shown_;  // what entries point to, where it is not as a shard said it
  std::vector<Log> logs_;
  std::vector<Group> groups_;
  std::vector<Said> told_;
};

}  // namespace

bool GoesToEachShard(const protocol::CommandSpec& spec) {
  using protocol::RequestPolicy;
  return spec.key_specs.empty() && (spec.request_policy == RequestPolicy::kAllShards ||
                                    spec.request_policy == RequestPolicy::kAllNodes ||
                                    spec.flags.Has(protocol::CommandFlag::kAdmin));
}

std::vector<std::string> JoinSlowLogs(std::span<const std::string> replies,
                                      std::optional<std::size_t> asked) {
  return SlowLogJoin(replies, asked).Told();
}

}  // namespace slotway::proxy
