// SPDX-License-Identifier: Apache-2.0
#include "protocol/topology.h"

#include <algorithm>
#include <bitset>
#include <charconv>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace slotway::protocol {
namespace {

constexpr std::size_t kHostBytesMax = 255;
constexpr std::size_t kNodesMax = kNoNode - 1;
constexpr std::size_t kNodeIdBytes = 40;

template <class Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::optional<std::uint16_t> ParseSlot(std::string_view text) {
  const auto slot = ParseNumber<std::uint16_t>(text);
  return slot && *slot < kSlotCount ? slot : std::nullopt;
}

// Cuts the text up to `separator` off the front of `rest`; all of it if there is none.
std::string_view CutUntil(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view head = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return head;
}

bool IsHost(std::string_view host) {
  return host.size() <= kHostBytesMax && std::all_of(host.begin(), host.end(), [](char c) {
           return c > ' ' && c < 0x7f && c != ',' && c != '@' && c != '[' && c != ']';
         });
}

// Like ParseEndpoint(), but host and port may be missing.
std::optional<Endpoint> ParseLooseEndpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const auto port = ParseNumber<std::uint16_t>(text.substr(colon + 1));
  if (!port || !IsHost(host)) return std::nullopt;
  return Endpoint{std::string(host), *port};
}

bool IsNodeId(std::string_view id) {
  return id.size() == kNodeIdBytes && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

struct Line {
  ClusterNode node;
  bool is_usable = true;   // false: no address, or in handshake
  std::string_view slots;  // the tokens behind the fixed ones
};

// "ip:port", "ip:port@cport", "ip:port@cport,hostname", "ip:port@cport,hostname,name=value,..."
bool ParseAddress(std::string_view text, ClusterNode& node) {
  std::string_view names = text;
  std::string_view address = CutUntil(names, ',');
  node.hostname = CutUntil(names, ',');
  if (!IsHost(node.hostname)) return false;
  std::string_view bus_port = address;
  auto endpoint = ParseLooseEndpoint(CutUntil(bus_port, '@'));
  if (!endpoint) return false;
  node.endpoint = std::move(*endpoint);
  if (bus_port.empty()) return true;
  const auto port = ParseNumber<std::uint16_t>(bus_port);
  node.bus_port = port.value_or(0);
  return port.has_value();
}

void ParseFlags(std::string_view flags, Line& line) {
  while (!flags.empty()) {
    const std::string_view flag = CutUntil(flags, ',');
    if (flag == "myself") {
      line.node.is_asked = true;
    } else if (flag == "master") {
      line.node.is_master = true;
    } else if (flag == "fail") {
      line.node.is_failing = true;
    } else if (flag == "fail?") {
      line.node.is_suspected = true;
    } else if (flag == "handshake" || flag == "noaddr") {
      line.is_usable = false;
    }
  }
}

// <id> <address> <flags> <master> <ping-sent> <pong-received> <config-epoch> <link> <slot> ...
// Returns what is wrong, or an empty text.
std::string_view ParseLine(std::string_view text, const Endpoint& asked, Line& line) {
  ClusterNode& node = line.node;
  node.id = CutUntil(text, ' ');
  if (!IsNodeId(node.id)) return "invalid node id";
  if (!ParseAddress(CutUntil(text, ' '), node)) return "invalid node address";
  ParseFlags(CutUntil(text, ' '), line);
  const std::string_view master = CutUntil(text, ' ');
  if (master != "-") {
    if (!IsNodeId(master)) return "invalid master id";
    node.master_id = master;
  }
  if (!ParseNumber<std::int64_t>(CutUntil(text, ' '))) return "invalid ping time";
  if (!ParseNumber<std::int64_t>(CutUntil(text, ' '))) return "invalid pong time";
  const auto epoch = ParseNumber<std::uint64_t>(CutUntil(text, ' '));
  if (!epoch) return "invalid config epoch";
  node.config_epoch = *epoch;
  const std::string_view link = CutUntil(text, ' ');
  if (link != "connected" && link != "disconnected") return "invalid link state";
  node.is_link_up = link == "connected";
  line.slots = text;
  if (node.is_asked) {
    if (node.endpoint.host.empty()) node.endpoint.host = asked.host;
    if (node.endpoint.port == 0) node.endpoint.port = asked.port;
  }
  if (node.endpoint.host.empty() || node.endpoint.port == 0) line.is_usable = false;
  return {};
}

// "5", "0-5460", and "[93->-id]" or "[93-<-id]" for slots on the move, which stay with their owner.
// Calls claim(slot) for each; false if that says so, or if a token is something else.
template <class Claim>
bool ForEachSlot(std::string_view tokens, Claim claim) {
  while (!tokens.empty()) {
    std::string_view last_text = CutUntil(tokens, ' ');
    if (last_text.empty() || last_text.front() == '[') continue;
    const bool is_range = last_text.find('-') != std::string_view::npos;
    const auto first = ParseSlot(is_range ? CutUntil(last_text, '-') : last_text);
    const auto last = ParseSlot(last_text);
    if (!first || !last || *first > *last) return false;
    for (std::size_t slot = *first; slot <= *last; ++slot) {
      if (!claim(slot)) return false;
    }
  }
  return true;
}

// Whether `claimant` beats `holder` in the fight for a slot.
bool Outranks(const ClusterNode& claimant, const ClusterNode& holder) {
  if (claimant.config_epoch != holder.config_epoch) {
    return claimant.config_epoch > holder.config_epoch;
  }
  return claimant.id < holder.id;
}

// Orders what views say of one node: the greater is the newer, or for equal age any fixed one.
bool IsOlder(const ClusterNode& a, const ClusterNode& b) {
  auto key = [](const ClusterNode& node) {
    return std::tie(node.is_asked, node.config_epoch, node.is_master, node.endpoint.host,
                    node.endpoint.port, node.master_id, node.hostname, node.bus_port);
  };
  return key(a) < key(b);
}

void MergeNode(std::map<std::string, ClusterNode>& nodes, const ClusterNode& node) {
  auto [position, is_new] = nodes.try_emplace(node.id, node);
  if (is_new) return;
  ClusterNode& known = position->second;
  const bool is_failing = known.is_failing || node.is_failing;
  const bool is_suspected = known.is_suspected || node.is_suspected;
  const bool is_link_up = known.is_link_up || node.is_link_up;
  if (IsOlder(known, node)) known = node;
  known.is_failing = is_failing;
  known.is_suspected = is_suspected;
  known.is_link_up = is_link_up;
}

// The nodes that only their own view lists although others were asked: the cluster forgot them.
std::set<std::string_view> FindOutcasts(const std::vector<Topology>& views) {
  std::set<std::string_view> listed, outcasts;
  for (const Topology& view : views) {
    for (const ClusterNode& node : view.nodes) {
      if (!node.is_asked) listed.insert(node.id);
    }
  }
  for (const Topology& view : views) {
    for (const ClusterNode& node : view.nodes) {
      if (views.size() > 1 && !listed.contains(node.id)) outcasts.insert(node.id);
    }
  }
  return outcasts;
}

using ReplicaKey = std::tuple<std::string_view, std::uint16_t, std::string_view, bool>;

std::vector<ReplicaKey> SortedReplicas(const Topology& topology) {
  std::vector<ReplicaKey> replicas;
  for (const ClusterNode& node : topology.nodes) {
    if (node.is_master) continue;
    replicas.emplace_back(node.endpoint.host, node.endpoint.port, node.master_id, node.is_failing);
  }
  std::sort(replicas.begin(), replicas.end());
  return replicas;
}

bool IsSameOwner(const ClusterNode* a, const ClusterNode* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return a->endpoint == b->endpoint && a->is_failing == b->is_failing;
}

}  // namespace

tl::expected<Endpoint, std::string> ParseEndpoint(std::string_view text) {
  auto endpoint = ParseLooseEndpoint(text);
  if (!endpoint || endpoint->host.empty() || endpoint->port == 0) {
    return tl::unexpected("'" + std::string(text.substr(0, kHostBytesMax)) + "' is no host:port");
  }
  return std::move(*endpoint);
}

bool Topology::CoversAllSlots() const {
  return std::find(owner_of_slot.begin(), owner_of_slot.end(), kNoNode) == owner_of_slot.end();
}

bool Topology::RoutesLike(const Topology& other) const {
  for (int slot = 0; slot < kSlotCount; ++slot) {
    if (!IsSameOwner(OwnerOf(Slot(slot)), other.OwnerOf(Slot(slot)))) return false;
  }
  return SortedReplicas(*this) == SortedReplicas(other);
}

tl::expected<Topology, std::string> ParseClusterNodes(std::string_view text,
                                                      const Endpoint& asked) {
  Topology topology;
  std::set<std::string> known;
  std::bitset<kSlotCount> claimed;
  int line_number = 0;
  auto fail = [&line_number](std::string_view what) {
    return tl::unexpected("CLUSTER NODES, line " + std::to_string(line_number) + ": " +
                          std::string(what));
  };
  while (!text.empty()) {
    ++line_number;
    std::string_view line_text = CutUntil(text, '\n');
    if (line_text.ends_with('\r')) line_text.remove_suffix(1);
    if (line_text.empty()) continue;
    Line line;
    if (auto what = ParseLine(line_text, asked, line); !what.empty()) return fail(what);
    if (!known.insert(line.node.id).second) return fail("node listed twice");
    if (topology.nodes.size() >= kNodesMax) return fail("too many nodes");
    const auto index = static_cast<std::uint16_t>(topology.nodes.size());
    auto claim = [&](std::size_t slot) {
      if (claimed.test(slot)) return false;
      claimed.set(slot);
      if (line.is_usable) topology.owner_of_slot[slot] = index;
      return true;
    };
    if (!ForEachSlot(line.slots, claim)) return fail("slot invalid or listed twice");
    if (line.is_usable) topology.nodes.push_back(std::move(line.node));
  }
  if (line_number == 0) return fail("no nodes");
  return topology;
}

Topology MergeTopologies(std::vector<Topology> views) {
  const std::set<std::string_view> outcasts = FindOutcasts(views);
  std::map<std::string, ClusterNode> nodes;
  std::array<const ClusterNode*, kSlotCount> owners{};
  for (const Topology& view : views) {
    for (const ClusterNode& node : view.nodes) MergeNode(nodes, node);
    for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
      const ClusterNode* claimant = view.OwnerOf(static_cast<Slot>(slot));
      if (claimant == nullptr) continue;
      if (owners[slot] == nullptr || Outranks(*claimant, *owners[slot])) owners[slot] = claimant;
    }
  }
  Topology merged;
  std::map<std::string_view, std::uint16_t> index_of;
  std::set<std::string_view> owner_ids;
  for (const ClusterNode* owner : owners) {
    if (owner != nullptr) owner_ids.insert(owner->id);
  }
  for (auto& [id, node] : nodes) {
    if (merged.nodes.size() >= kNodesMax) break;
    if (outcasts.contains(id) && !owner_ids.contains(id)) continue;
    index_of[id] = static_cast<std::uint16_t>(merged.nodes.size());
    merged.nodes.push_back(std::move(node));
  }
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
    if (owners[slot] == nullptr) continue;
    const auto owner = index_of.find(owners[slot]->id);
    if (owner != index_of.end()) merged.owner_of_slot[slot] = owner->second;
  }
  return merged;
}

bool ParseRedirect(std::string_view error, const Endpoint& answered_by, Redirect& out) {
  const std::string_view word = CutUntil(error, ' ');
  if (word != "MOVED" && word != "ASK") return false;
  const auto slot = ParseSlot(CutUntil(error, ' '));
  auto endpoint = ParseLooseEndpoint(error);
  if (!slot || !endpoint || endpoint->port == 0) return false;
  if (endpoint->host.empty() || endpoint->host == "?") endpoint->host = answered_by.host;
  out.kind = word == "MOVED" ? Redirect::Kind::kMoved : Redirect::Kind::kAsk;
  out.slot = static_cast<Slot>(*slot);
  out.endpoint = std::move(*endpoint);
  return true;
}

}  // namespace slotway::protocol
