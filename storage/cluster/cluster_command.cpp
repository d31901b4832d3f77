// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/cluster_command.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <bitset>
#include <charconv>
#include <optional>

#include "protocol/error_text.h"

namespace slotway::storage::cluster {
namespace {

using protocol::Slot;
namespace error_text = protocol::error_text;
using Args = std::span<const std::string_view>;  // the whole request: "CLUSTER", "SLOTS", ...
using Slots = std::bitset<protocol::kSlotCount>;

constexpr std::string_view kInvalidSlot = "ERR Invalid or out of range slot";
constexpr std::int64_t kBusPortOffset = 10000;

// In its usual form; empty if it is none.
std::string NumericAddress(std::string_view text) {
  const std::string address(text);
  std::array<unsigned char, sizeof(in6_addr)> bytes;
  std::array<char, INET6_ADDRSTRLEN> usual;
  for (int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, address.c_str(), bytes.data()) != 1) continue;
    return inet_ntop(family, bytes.data(), usual.data(), usual.size());
  }
  return {};
}

char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool IsWord(std::string_view text, std::string_view upper_case_word) {
  return std::equal(text.begin(), text.end(), upper_case_word.begin(), upper_case_word.end(),
                    [](char a, char b) { return Upper(a) == b; });
}

// As Redis reads integers: no plus sign, no leading zeros.
std::optional<std::int64_t> ParseInteger(std::string_view text) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  std::string_view digits = text.front() == '-' ? text.substr(1) : text;
  bool has_leading_zero =
      digits.front() == '0' && (digits.size() > 1 || digits.size() < text.size());
  if (has_leading_zero) return std::nullopt;
  return value;
}

std::optional<Slot> ParseSlot(std::string_view text) {
  std::optional<std::int64_t> value = ParseInteger(text);
  if (!value || *value < 0 || *value >= protocol::kSlotCount) return std::nullopt;
  return Slot(*value);
}

std::string UnknownNode(std::string_view id) { return "ERR Unknown node " + std::string(id); }

enum class SlotChange { kAdd, kDelete };

class Command {
 public:
  Command(ClusterCommandContext& context, Args args, ReplyWriter& writer)
      : context_(context), state_(context.state), args_(args), writer_(writer) {}

  void Myid() { writer_.Bulk(state_.Myself().id.Text()); }
  void Myshardid() { writer_.Bulk(state_.ShardIdOf(state_.MyIndex()).Text()); }
  void Nodes() { WriteNodes(state_, context_.view, writer_); }
  void Info() {
    WriteInfo(state_, context_.bus->Counters(), context_.limit_exceeded_count, writer_);
  }
  void ShowSlots() { WriteSlots(state_, context_.view, context_.my_repl_offset, writer_); }
  void Shards() { WriteShards(state_, context_.view, context_.my_repl_offset, writer_); }
  void Help() { WriteHelp(writer_); }
  void Links() { WriteLinks(context_.bus->Links(), context_.queued_bytes, writer_); }
  void Keyslot() { writer_.Integer(protocol::ToInt(protocol::SlotOfKey(args_[2]))); }

  void Addslots() { ChangeSlots(ListedSlots(SlotChange::kAdd), SlotChange::kAdd); }
  void Delslots() { ChangeSlots(ListedSlots(SlotChange::kDelete), SlotChange::kDelete); }
  void Addslotsrange() { ChangeSlots(RangedSlots(SlotChange::kAdd), SlotChange::kAdd); }
  void Delslotsrange() { ChangeSlots(RangedSlots(SlotChange::kDelete), SlotChange::kDelete); }
  void Flushslots();
  void Setslot();
  void Bumpepoch();
  void SetConfigEpoch();
  void Saveconfig();
  void Replicas();
  void CountFailureReports();
  void Countkeysinslot();
  void Getkeysinslot();
  void Reset();
  void Meet();
  void Forget() { Answer(context_.bus->Forget(args_[2])); }
  void Replicate() { Answer(context_.bus->Replicate(args_[2])); }
  void Failover();

 private:
  void Fail(std::string_view text) { writer_.Error(text); }
  // A client that is told OK may rely on it after a crash.
  void SaveAndConfirm();
  void Save();
  // Empty: done.
  void Answer(const std::string& error);

  std::optional<Slots> ListedSlots(SlotChange change);
  std::optional<Slots> RangedSlots(SlotChange change);
  // Adds the slot to those named so far, unless it stands there twice or is not free (ADDSLOTS) or
  // not taken (DELSLOTS).
  bool Name(Slots& slots, int slot, SlotChange change);
  void ChangeSlots(const std::optional<Slots>& slots, SlotChange change);

  NodeIndex NamedMaster(std::string_view unknown_text);
  bool StartMigrating(Slot slot);
  bool StartImporting(Slot slot);
  bool GiveSlot(Slot slot);

  ClusterCommandContext& context_;
  ClusterState& state_;
  Args args_;
  ReplyWriter& writer_;
};

void Command::Save() {
  if (context_.save) context_.save();
}

void Command::SaveAndConfirm() {
  Save();
  context_.bus->TellAll();
  writer_.Ok();
}

void Command::Answer(const std::string& error) {
  if (!error.empty()) return Fail(error);
  Save();
  writer_.Ok();
}

bool Command::Name(Slots& slots, int slot, SlotChange change) {
  bool is_owned = state_.OwnerOf(Slot(slot)) != kNoNode;
  if (is_owned == (change == SlotChange::kAdd)) {
    Fail("ERR Slot " + std::to_string(slot) +
         (is_owned ? " is already busy" : " is already unassigned"));
    return false;
  }
  if (slots.test(static_cast<std::size_t>(slot))) {
    Fail("ERR Slot " + std::to_string(slot) + " specified multiple times");
    return false;
  }
  slots.set(static_cast<std::size_t>(slot));
  return true;
}

std::optional<Slots> Command::ListedSlots(SlotChange change) {
  Slots slots;
  for (std::string_view text : args_.subspan(2)) {
    if (!ParseSlot(text)) {
      Fail(kInvalidSlot);
      return std::nullopt;
    }
  }
  for (std::string_view text : args_.subspan(2)) {
    if (!Name(slots, protocol::ToInt(*ParseSlot(text)), change)) return std::nullopt;
  }
  return slots;
}

std::optional<Slots> Command::RangedSlots(SlotChange change) {
  if (args_.size() % 2 != 0) {
    Fail(error_text::WrongArity(change == SlotChange::kAdd ? "cluster|addslotsrange"
                                                           : "cluster|delslotsrange"));
    return std::nullopt;
  }
  Slots slots;
  for (std::size_t i = 2; i < args_.size(); i += 2) {
    std::optional<Slot> first = ParseSlot(args_[i]);
    std::optional<Slot> last = ParseSlot(args_[i + 1]);
    if (!first || !last) {
      Fail(kInvalidSlot);
      return std::nullopt;
    }
    if (*first > *last) {
      Fail("ERR start slot number " + std::to_string(protocol::ToInt(*first)) +
           " is greater than end slot number " + std::to_string(protocol::ToInt(*last)));
      return std::nullopt;
    }
    for (int slot = protocol::ToInt(*first); slot <= protocol::ToInt(*last); ++slot) {
      if (!Name(slots, slot, change)) return std::nullopt;
    }
  }
  return slots;
}

void Command::ChangeSlots(const std::optional<Slots>& slots, SlotChange change) {
  if (!slots) return;
  bool add = change == SlotChange::kAdd;
  {
    ClusterState::Batch batch(state_);
    for (int i = 0; i < protocol::kSlotCount; ++i) {
      if (!slots->test(static_cast<std::size_t>(i))) continue;
      if (add) state_.SetImporting(Slot(i), kNoNode);
      state_.Assign(Slot(i), add ? state_.MyIndex() : kNoNode);
    }
  }
  SaveAndConfirm();
}

void Command::Flushslots() {
  if (context_.count_all_keys() != 0) {
    Fail("ERR DB must be empty to perform CLUSTER FLUSHSLOTS.");
    return;
  }
  {
    ClusterState::Batch batch(state_);
    for (int i = 0; i < protocol::kSlotCount; ++i) {
      if (state_.IsMine(Slot(i))) state_.Assign(Slot(i), kNoNode);
    }
  }
  SaveAndConfirm();
}

// The node that SETSLOT names: kNoNode and an error reply unless it is a known master.
NodeIndex Command::NamedMaster(std::string_view unknown_text) {
  NodeIndex node = state_.Find(args_[4]);
  if (node == kNoNode) {
    Fail(std::string(unknown_text) + std::string(args_[4]));
    return kNoNode;
  }
  if (state_.Node(node).IsMaster()) return node;
  Fail("ERR Target node is not a master");
  return kNoNode;
}

bool Command::StartMigrating(Slot slot) {
  if (!state_.IsMine(slot)) {
    Fail("ERR I'm not the owner of hash slot " + std::to_string(protocol::ToInt(slot)));
    return false;
  }
  NodeIndex target = NamedMaster("ERR I don't know about node ");
  if (target != kNoNode) state_.SetMigrating(slot, target);
  return target != kNoNode;
}

bool Command::StartImporting(Slot slot) {
  if (state_.IsMine(slot)) {
    Fail("ERR I'm already the owner of hash slot " + std::to_string(protocol::ToInt(slot)));
    return false;
  }
  NodeIndex source = NamedMaster("ERR I don't know about node ");
  if (source != kNoNode) state_.SetImporting(slot, source);
  return source != kNoNode;
}

bool Command::GiveSlot(Slot slot) {
  NodeIndex owner = NamedMaster("ERR Unknown node ");
  if (owner == kNoNode) return false;
  bool is_to_me = owner == state_.MyIndex();
  const bool is_given_away = state_.IsMine(slot) && !is_to_me;
  std::uint64_t keys = context_.count_keys(slot);
  if (is_given_away && keys != 0) {
    Fail("ERR Can't assign hashslot " + std::to_string(protocol::ToInt(slot)) +
         " to a different node while I still hold keys for this hash slot.");
    return false;
  }
  {
    ClusterState::Batch batch(state_);
    if (keys == 0) state_.SetMigrating(slot, kNoNode);
    bool was_arriving = state_.ImportingFrom(slot) != kNoNode;
    state_.Assign(slot, owner);
    if (is_to_me && was_arriving) {
      // A new epoch of its own makes this claim win over the old owner's.
      state_.BumpConfigEpoch();
      state_.SetImporting(slot, kNoNode);
    }
  }
  // As when the new owner's claim comes first; not if there are keys of other slots here.
  const bool has_none_left = is_given_away && state_.Myself().slot_count == 0;
  if (has_none_left && context_.bus->Settings().allows_replica_migration) {
    context_.bus->Replicate(args_[4]);
  }
  return true;
}

void Command::Setslot() {
  if (state_.Myself().IsReplica()) {
    Fail("ERR Please use SETSLOT only with masters.");
    return;
  }
  std::optional<Slot> slot = ParseSlot(args_[2]);
  if (!slot) {
    Fail(kInvalidSlot);
    return;
  }
  bool has_node = args_.size() == 5;
  bool is_done = false;
  const std::uint64_t version = state_.OwnersVersion();
  if (IsWord(args_[3], "MIGRATING") && has_node) {
    is_done = StartMigrating(*slot);
  } else if (IsWord(args_[3], "IMPORTING") && has_node) {
    is_done = StartImporting(*slot);
  } else if (IsWord(args_[3], "NODE") && has_node) {
    is_done = GiveSlot(*slot);
  } else if (IsWord(args_[3], "STABLE") && args_.size() == 4) {
    state_.SetMigrating(*slot, kNoNode);
    state_.SetImporting(*slot, kNoNode);
    is_done = true;
  } else {
    Fail("ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP");
  }
  if (!is_done) return;
  Save();
  // Where a slot is going to is nobody else's business.
  if (state_.OwnersVersion() != version) context_.bus->TellAll();
  // Of a slot that is given away the replicas hear from its new owner, who may be their master
  // then.
  const bool is_given_away = state_.OwnersVersion() != version && !state_.IsMine(*slot);
  if (!is_given_away) context_.shard_news = context_.bus->TellShard();
  writer_.Ok();
}

void Command::Bumpepoch() {
  bool is_bumped = state_.BumpConfigEpoch();
  if (is_bumped) {
    Save();
    context_.bus->TellAll();
  }
  writer_.SimpleString((is_bumped ? "BUMPED " : "STILL ") +
                       std::to_string(ToInt(state_.Myself().config_epoch)));
}

void Command::SetConfigEpoch() {
  std::optional<std::int64_t> epoch = ParseInteger(args_[2]);
  if (!epoch) {
    Fail(error_text::kNotInteger);
  } else if (*epoch < 0) {
    Fail("ERR Invalid config epoch specified: " + std::to_string(*epoch));
  } else if (state_.Nodes().size() > 1) {
    Fail("ERR The user can assign a config epoch only when the node does not know any other node.");
  } else if (ToInt(state_.Myself().config_epoch) != 0) {
    Fail("ERR Node config epoch is already non-zero");
  } else {
    auto chosen = Epoch(static_cast<std::uint64_t>(*epoch));
    state_.SetConfigEpoch(state_.MyIndex(), chosen);
    state_.SetCurrentEpoch(std::max(state_.CurrentEpoch(), chosen));
    SaveAndConfirm();
  }
}

void Command::Saveconfig() {
  const std::string problem = context_.save_now();
  if (!problem.empty()) return Fail("ERR error saving the cluster node config: " + problem);
  writer_.Ok();
}

void Command::Replicas() {
  NodeIndex node = state_.Find(args_[2]);
  if (node == kNoNode) {
    Fail(UnknownNode(args_[2]));
  } else if (state_.Node(node).IsReplica()) {
    Fail("ERR The specified node is not a master");
  } else {
    WriteReplicas(state_, node, context_.view, writer_);
  }
}

void Command::CountFailureReports() {
  const NodeIndex node = state_.Find(args_[2]);
  if (node == kNoNode) {
    Fail(UnknownNode(args_[2]));
  } else {
    writer_.Integer(context_.bus->CountFailureReports(state_.Node(node).id));
  }
}

void Command::Countkeysinslot() {
  std::optional<std::int64_t> number = ParseInteger(args_[2]);
  if (!number) {
    Fail(error_text::kNotInteger);
  } else if (!ParseSlot(args_[2])) {
    Fail("ERR Invalid slot");
  } else {
    writer_.Integer(static_cast<std::int64_t>(context_.count_keys(Slot(*number))));
  }
}

void Command::Getkeysinslot() {
  std::optional<std::int64_t> number = ParseInteger(args_[2]);
  std::optional<std::int64_t> max = ParseInteger(args_[3]);
  if (!number || !max) {
    Fail(error_text::kNotInteger);
    return;
  }
  if (!ParseSlot(args_[2]) || *max < 0) {
    Fail("ERR Invalid slot or number of keys");
    return;
  }
  std::vector<std::string> keys;
  context_.get_keys(Slot(*number), static_cast<std::size_t>(*max), keys);
  writer_.Array(keys.size());
  for (const std::string& key : keys) writer_.Bulk(key);
}

void Command::Reset() {
  bool is_hard = args_.size() == 3 && IsWord(args_[2], "HARD");
  if (args_.size() > 3 || (args_.size() == 3 && !is_hard && !IsWord(args_[2], "SOFT"))) {
    Fail(error_text::kSyntax);
    return;
  }
  const ClusterNode& me = state_.Myself();
  if (me.IsMaster() && context_.count_all_keys() != 0) {
    Fail("ERR CLUSTER RESET can't be called with master nodes containing keys");
    return;
  }
  context_.bus->Reset(is_hard, NodeId::FromRandomBytes(context_.random_bytes()));
  Save();
  writer_.Ok();
}

void Command::Meet() {
  if (args_.size() > 5) {
    Fail(error_text::WrongArity("cluster|meet"));
    return;
  }
  constexpr std::int64_t kPortMax = 65535;
  const std::optional<std::int64_t> port = ParseInteger(args_[3]);
  if (!port) {
    Fail("ERR Invalid TCP base port specified: " + std::string(args_[3]));
    return;
  }
  const std::optional<std::int64_t> bus_port =
      args_.size() == 5 ? ParseInteger(args_[4]) : *port + kBusPortOffset;
  if (!bus_port) {
    Fail("ERR Invalid TCP bus port specified: " + std::string(args_[4]));
    return;
  }
  const std::string ip = NumericAddress(args_[2]);
  const bool is_valid =
      !ip.empty() && *port > 0 && *port <= kPortMax && *bus_port > 0 && *bus_port <= kPortMax;
  if (!is_valid) {
    Fail("ERR Invalid node address specified: " + std::string(args_[2]) + ":" +
         std::string(args_[3]));
    return;
  }
  Answer(context_.bus->Meet(ip, static_cast<std::uint16_t>(*port),
                            static_cast<std::uint16_t>(*bus_port)));
}

void Command::Failover() {
  FailoverKind kind = FailoverKind::kNormal;
  if (args_.size() == 3 && IsWord(args_[2], "FORCE")) {
    kind = FailoverKind::kForce;
  } else if (args_.size() == 3 && IsWord(args_[2], "TAKEOVER")) {
    kind = FailoverKind::kTakeover;
  } else if (args_.size() != 2) {
    Fail(error_text::kSyntax);
    return;
  }
  const std::string error = context_.bus->Failover(kind);
  if (kind == FailoverKind::kTakeover && error.empty()) context_.save();
  Answer(error);
}

struct Subcommand {
  std::string_view name;
  void (Command::*run)();
  std::size_t argc_min;
};

constexpr Subcommand kSubcommands[] = {
    {"SLOTS", &Command::ShowSlots, 2},
    {"NODES", &Command::Nodes, 2},
    {"SHARDS", &Command::Shards, 2},
    {"INFO", &Command::Info, 2},
    {"MYID", &Command::Myid, 2},
    {"MYSHARDID", &Command::Myshardid, 2},
    {"KEYSLOT", &Command::Keyslot, 3},
    {"COUNTKEYSINSLOT", &Command::Countkeysinslot, 3},
    {"GETKEYSINSLOT", &Command::Getkeysinslot, 4},
    {"ADDSLOTS", &Command::Addslots, 3},
    {"ADDSLOTSRANGE", &Command::Addslotsrange, 4},
    {"DELSLOTS", &Command::Delslots, 3},
    {"DELSLOTSRANGE", &Command::Delslotsrange, 4},
    {"FLUSHSLOTS", &Command::Flushslots, 2},
    {"SETSLOT", &Command::Setslot, 4},
    {"BUMPEPOCH", &Command::Bumpepoch, 2},
    {"SET-CONFIG-EPOCH", &Command::SetConfigEpoch, 3},
    {"SAVECONFIG", &Command::Saveconfig, 2},
    {"REPLICAS", &Command::Replicas, 3},
    {"SLAVES", &Command::Replicas, 3},
    {"COUNT-FAILURE-REPORTS", &Command::CountFailureReports, 3},
    {"LINKS", &Command::Links, 2},
    {"RESET", &Command::Reset, 2},
    {"HELP", &Command::Help, 2},
    {"MEET", &Command::Meet, 4},
    {"FORGET", &Command::Forget, 3},
    {"REPLICATE", &Command::Replicate, 3},
    {"FAILOVER", &Command::Failover, 2},
};

}  // namespace

void RunClusterCommand(ClusterCommandContext& context, std::span<const std::string_view> args,
                       ReplyWriter& writer) {
  if (args.size() < 2) {
    writer.Error(error_text::WrongArity("cluster"));
    return;
  }
  for (const Subcommand& subcommand : kSubcommands) {
    if (!IsWord(args[1], subcommand.name)) continue;
    if (args.size() < subcommand.argc_min) {
      std::string name(subcommand.name);
      for (char& c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      }
      writer.Error(error_text::WrongArity("cluster|" + name));
      return;
    }
    Command command(context, args, writer);
    (command.*subcommand.run)();
    return;
  }
  writer.Error(error_text::UnknownSubcommand("cluster", args[1]));
}

}  // namespace slotway::storage::cluster
