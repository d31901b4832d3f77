// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/nodes_conf.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

namespace slotway::storage::cluster {
namespace {

using protocol::Slot;
using runtime::Fail;
using runtime::Result;

constexpr std::string_view kShardIdField = "shard-id";
constexpr std::string_view kTlsPortField = "tls-port";
constexpr std::string_view kTcpPortField = "tcp-port";
constexpr int kBusPortOffset = 10000;

template <class T>
std::optional<T> ParseNumber(std::string_view text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Slot> ParseSlot(std::string_view text) {
  std::optional<int> number = ParseNumber<int>(text);
  if (!number || *number < 0 || *number >= protocol::kSlotCount) return std::nullopt;
  return Slot(*number);
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words = Split(line, ' ');
  std::erase(words, std::string_view());
  return words;
}

// A node's line, read but not yet tied to other nodes.
struct NodeLine {
  ClusterNode node;
  std::string_view master;              // "-" or an id
  std::vector<std::string_view> slots;  // ranges and slots on the move
  int line_number;
};

struct Vars {
  Epoch current_epoch{0};
  Epoch last_vote_epoch{0};
  bool is_taking_over = false;
};

// What is wrong, or nothing.
using Problem = std::optional<std::string>;

Problem ReadAddress(std::string_view text, ClusterNode& node) {
  std::vector<std::string_view> fields = Split(text, ',');
  std::string_view address = fields[0];
  std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return "an address without a port";
  node.ip = address.substr(0, colon);
  std::string_view ports = address.substr(colon + 1);
  std::size_t at = ports.find('@');
  std::optional<std::uint16_t> port = ParseNumber<std::uint16_t>(ports.substr(0, at));
  if (!port) return "a port that is no number from 0 to 65535";
  node.port = *port;
  if (at == std::string_view::npos) {
    node.bus_port = static_cast<std::uint16_t>(*port + kBusPortOffset);
  } else {
    std::optional<std::uint16_t> bus_port = ParseNumber<std::uint16_t>(ports.substr(at + 1));
    if (!bus_port) return "a bus port that is no number from 0 to 65535";
    node.bus_port = *bus_port;
  }
  if (fields.size() > 1) node.hostname = fields[1];
  for (std::size_t i = 2; i < fields.size(); ++i) {
    std::size_t equals = fields[i].find('=');
    if (equals == std::string_view::npos) return "a field that is not of the form name=value";
    const std::string_view name = fields[i].substr(0, equals);
    const std::string_view value = fields[i].substr(equals + 1);
    const bool is_port = name == kTlsPortField || name == kTcpPortField;
    const auto port_value = ParseNumber<std::uint16_t>(value);
    if (name == kShardIdField) {
      node.shard_id = NodeId::Parse(value);
      if (!node.shard_id) return "a shard-id that is not 40 hexadecimal digits";
    } else if (is_port && port_value && *port_value != 0) {
      node.other_port = *port_value;
    } else {
      node.other_aux.emplace_back(fields[i]);
    }
  }
  return std::nullopt;
}

Problem ReadNode(const std::vector<std::string_view>& words, NodeLine& line) {
  constexpr std::size_t kFixedWords = 8;
  if (words.size() < kFixedWords) return "a node with fewer than 8 fields";
  std::optional<NodeId> id = NodeId::Parse(words[0]);
  if (!id) return "a node id that is not 40 hexadecimal digits";
  line.node.id = *id;
  if (Problem problem = ReadAddress(words[1], line.node)) return problem;
  std::optional<NodeFlags> flags = ParseFlags(words[2]);
  if (!flags) return "an unknown flag in '" + std::string(words[2]) + "'";
  if (flags->Has(NodeFlag::kHandshake)) return "a node in handshake, which has no id yet";
  line.node.flags = *flags;
  line.master = words[3];
  std::optional<std::int64_t> ping = ParseNumber<std::int64_t>(words[4]);
  std::optional<std::int64_t> pong = ParseNumber<std::int64_t>(words[5]);
  std::optional<std::uint64_t> epoch = ParseNumber<std::uint64_t>(words[6]);
  if (!ping || !pong || !epoch) return "a ping time, pong time or epoch that is no number";
  line.node.ping_sent_ms = *ping;
  line.node.pong_received_ms = *pong;
  line.node.config_epoch = Epoch(*epoch);
  if (words[7] != "connected" && words[7] != "disconnected") return "an unknown link state";
  line.node.is_link_up = words[7] == "connected";
  line.slots.assign(words.begin() + kFixedWords, words.end());
  return std::nullopt;
}

Problem ReadVars(const std::vector<std::string_view>& words, Vars& vars) {
  if (words.size() % 2 == 0) return "vars without a value";
  for (std::size_t i = 1; i < words.size(); i += 2) {
    std::optional<std::uint64_t> value = ParseNumber<std::uint64_t>(words[i + 1]);
    if (!value) return "an epoch that is no number";
    if (words[i] == "currentEpoch") vars.current_epoch = Epoch(*value);
    if (words[i] == "lastVoteEpoch") vars.last_vote_epoch = Epoch(*value);
    if (words[i] == "takingOver") vars.is_taking_over = *value != 0;
  }
  return std::nullopt;
}

// "[93->-id]" or "[77-<-id]".
Problem ReadMovingSlot(ClusterState& state, NodeIndex index, std::string_view word) {
  const std::string wrong = "a slot on the move that is not [slot->-id] or [slot-<-id]";
  std::size_t dash = word.find('-');
  if (word.back() != ']' || dash == std::string_view::npos || dash + 3 > word.size()) return wrong;
  std::optional<Slot> slot = ParseSlot(word.substr(1, dash - 1));
  char direction = word[dash + 1];
  if (!slot || word[dash + 2] != '-' || (direction != '>' && direction != '<')) return wrong;
  NodeIndex peer = state.Find(word.substr(dash + 3, word.size() - dash - 4));
  if (peer == kNoNode) return "a slot on the move to or from an unknown node";
  // Only myself knows its own; on other nodes' lines they are not a fact of this state.
  if (index != state.MyIndex()) return std::nullopt;
  if (direction == '>') {
    state.SetMigrating(*slot, peer);
  } else {
    state.SetImporting(*slot, peer);
  }
  return std::nullopt;
}

Problem ReadSlotRange(ClusterState& state, NodeIndex index, std::string_view word) {
  std::size_t dash = word.find('-');
  std::optional<Slot> first = ParseSlot(word.substr(0, dash));
  std::optional<Slot> last =
      dash == std::string_view::npos ? first : ParseSlot(word.substr(dash + 1));
  if (!first || !last || *first > *last) return "a slot range out of 0-16383";
  if (!state.Node(index).IsMaster()) return "slots on a node that is not a master";
  for (int i = protocol::ToInt(*first); i <= protocol::ToInt(*last); ++i) {
    if (state.OwnerOf(Slot(i)) != kNoNode) return "slot " + std::to_string(i) + " twice";
    state.Assign(Slot(i), index);
  }
  return std::nullopt;
}

Problem AddNode(ClusterState& state, const NodeLine& line) {
  NodeIndex index = state.Add(line.node);
  if (index == kNoNode) return "a node id that stands here twice (or too many nodes)";
  if (!line.node.IsMyself()) return std::nullopt;
  if (state.HasMyself()) return "a second node flagged myself";
  state.SetMyself(index);
  return std::nullopt;
}

// Second pass: what refers to other nodes.
Problem TieNode(ClusterState& state, const NodeLine& line) {
  NodeIndex index = state.Find(line.node.id);
  if (line.node.IsReplica()) {
    NodeIndex master = line.master == "-" ? kNoNode : state.Find(line.master);
    if (line.master != "-" && master == kNoNode) return "a master that is not in the file";
    if (master == index) return "a node that is its own master";
    state.SetReplicaOf(index, master);
  }
  for (std::string_view word : line.slots) {
    Problem problem = word.front() == '[' ? ReadMovingSlot(state, index, word)
                                          : ReadSlotRange(state, index, word);
    if (problem) return problem;
  }
  return std::nullopt;
}

std::string MovingSlots(const ClusterState& state) {
  std::vector<std::pair<Slot, std::string>> moving;
  auto add = [&](const std::map<Slot, NodeIndex>& peers, std::string_view arrow) {
    for (const auto& [slot, peer] : peers) {
      std::string text = " [" + std::to_string(protocol::ToInt(slot));
      text += arrow;
      text += state.Node(peer).id.Text();
      moving.emplace_back(slot, text + "]");
    }
  };
  add(state.Migrating(), "->-");
  add(state.Importing(), "-<-");
  std::sort(moving.begin(), moving.end());
  std::string text;
  for (const auto& [slot, part] : moving) text += part;
  return text;
}

std::string Address(const ClusterNode& node, bool with_aux, EndpointView view, bool is_port_tls) {
  std::string text =
      node.ip + ":" + std::to_string(PortFor(node, view)) + "@" + std::to_string(node.bus_port);
  bool has_aux = with_aux && (node.shard_id || !node.other_aux.empty() || node.other_port != 0);
  if (!node.hostname.empty() || has_aux) text += "," + node.hostname;
  if (!has_aux) return text;
  for (const std::string& field : node.other_aux) {
    const std::string_view name = std::string_view(field).substr(0, field.find('='));
    const bool is_port = name == kTlsPortField || name == kTcpPortField;
    if (!is_port || node.other_port == 0) text += "," + field;
  }
  if (node.other_port != 0) {
    text += ",";
    text += is_port_tls ? kTcpPortField : kTlsPortField;
    text += "=" + std::to_string(node.other_port);
  }
  if (node.shard_id) {
    text += ",";
    text += kShardIdField;
    text += "=";
    text += node.shard_id->Text();
  }
  return text;
}

std::string AtLine(int line_number, const std::string& problem) {
  return "line " + std::to_string(line_number) + ": " + problem;
}

Problem FillState(ClusterState& state, const std::vector<NodeLine>& lines, const Vars& vars) {
  ClusterState::Batch batch(state);
  for (const NodeLine& line : lines) {
    if (Problem problem = AddNode(state, line)) return AtLine(line.line_number, *problem);
  }
  for (const NodeLine& line : lines) {
    if (Problem problem = TieNode(state, line)) return AtLine(line.line_number, *problem);
  }
  if (!lines.empty() && !state.HasMyself()) return "no node is flagged myself";
  state.SetCurrentEpoch(vars.current_epoch);
  state.SetCurrentEpoch(state.MaxEpoch());
  state.SetLastVoteEpoch(vars.last_vote_epoch);
  state.SetTakingOver(vars.is_taking_over);
  return std::nullopt;
}

}  // namespace

Result<ClusterState> ParseNodesConf(std::string_view text) {
  std::vector<NodeLine> lines;
  Vars vars;
  int line_number = 0;
  for (std::string_view row : Split(text, '\n')) {
    ++line_number;
    if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
    std::vector<std::string_view> words = Words(row);
    if (words.empty()) continue;
    Problem problem;
    if (words[0] == "vars") {
      problem = ReadVars(words, vars);
    } else {
      NodeLine line{.node = {}, .master = {}, .slots = {}, .line_number = line_number};
      problem = ReadNode(words, line);
      lines.push_back(std::move(line));
    }
    if (problem) return Fail(AtLine(line_number, *problem));
  }
  ClusterState state;
  if (Problem problem = FillState(state, lines, vars)) return Fail(*problem);
  return state;
}

std::string FormatNodeLine(const ClusterState& state, NodeIndex index, bool with_aux,
                           EndpointView view) {
  const ClusterNode& node = state.Node(index);
  std::string text(node.id.Text());
  text += ' ';
  text += Address(node, with_aux, view, state.Policy().is_port_tls);
  text += ' ';
  text += FlagsText(node.flags);
  text += ' ';
  text += node.master == kNoNode ? std::string_view("-") : state.Node(node.master).id.Text();
  text += ' ' + std::to_string(node.ping_sent_ms) + ' ' + std::to_string(node.pong_received_ms);
  text += ' ' + std::to_string(ToInt(state.Node(state.MasterOf(index)).config_epoch));
  text += node.is_link_up || node.IsMyself() ? " connected" : " disconnected";
  for (SlotRange range : state.SlotsOf(index)) {
    text += ' ' + std::to_string(range.first);
    if (range.last != range.first) text += '-' + std::to_string(range.last);
  }
  if (node.IsMyself()) text += MovingSlots(state);
  return text;
}

std::string FormatNodesConf(const ClusterState& state) {
  std::string text;
  for (std::size_t i = 0; i < state.Nodes().size(); ++i) {
    // A node in handshake has a made-up id that means nothing after a restart.
    if (state.Nodes()[i].flags.Has(NodeFlag::kHandshake)) continue;
    text += FormatNodeLine(state, NodeIndex(i), true) + '\n';
  }
  text += "vars currentEpoch " + std::to_string(ToInt(state.CurrentEpoch()));
  text += " lastVoteEpoch " + std::to_string(ToInt(state.LastVoteEpoch()));
  text += state.IsTakingOver() ? " takingOver 1\n" : "\n";
  return text;
}

}  // namespace slotway::storage::cluster
