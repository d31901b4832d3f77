// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/local_layout.h"

#include <algorithm>
#include <array>

#include "protocol/slot.h"
#include "protocol/slot_parts.h"
#include "protocol/topology.h"

namespace slotway::proxy {
namespace {

using protocol::kSlotCount;
using runtime::Fail;
using runtime::Result;

constexpr int kBusPortOffset = 10000;
constexpr std::string_view kHexDigits = "0123456789abcdef";

std::string MakeNodeId(const RandomBytes& random) {
  std::array<std::uint8_t, 20> bytes;
  random(bytes);
  std::string id;
  for (std::uint8_t byte : bytes) {
    id += kHexDigits[byte >> 4];
    id += kHexDigits[byte & 15];
  }
  return id;
}

std::string RangeText(int first, int last) {
  return first == last ? std::to_string(first) : std::to_string(first) + "-" + std::to_string(last);
}

std::string SlotsText(const protocol::Topology& topology, std::uint16_t node) {
  std::string text;
  for (int slot = 0; slot < kSlotCount; ++slot) {
    auto owner = [&](int s) { return topology.owner_of_slot[static_cast<std::size_t>(s)]; };
    if (owner(slot) != node) continue;
    int first = slot;
    while (slot + 1 < kSlotCount && owner(slot + 1) == node) ++slot;
    text += (text.empty() ? "" : " ") + RangeText(first, slot);
  }
  return text;
}

// nodes.conf without its last line, which CLUSTER NODES does not have.
std::string_view NodeLines(std::string_view nodes_conf) {
  std::size_t vars = nodes_conf.rfind("vars ");
  return nodes_conf.substr(0, vars);
}

}  // namespace

std::vector<LocalNode> LayOutCluster(int shards, int replicas, std::span<const std::uint16_t> ports,
                                     const RandomBytes& random) {
  std::vector<LocalNode> nodes;
  for (std::uint16_t port : ports) {
    auto place = static_cast<int>(nodes.size());
    LocalNode node{.id = MakeNodeId(random), .port = port, .master = -1, .slots = {}};
    if (place < shards) {
      const auto [first, last] = protocol::PartOfSlots(place, shards);
      node.slots = RangeText(first, last);
    } else {
      node.master = (place - shards) / replicas;
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

std::string NodesConfText(std::span<const LocalNode> nodes, std::size_t place) {
  std::string text;
  std::size_t masters = 0;
  for (const LocalNode& node : nodes) masters += node.master < 0 ? 1 : 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const LocalNode& node = nodes[i];
    bool is_master = node.master < 0;
    std::size_t master = is_master ? i : static_cast<std::size_t>(node.master);
    text += node.id + " 127.0.0.1:" + std::to_string(node.port) + "@" +
            std::to_string(node.port + kBusPortOffset) + (i == place ? " myself," : " ") +
            (is_master ? "master -" : "slave " + nodes[master].id) + " 0 0 " +
            std::to_string(master + 1) + " connected" + (is_master ? " " + node.slots : "") + "\n";
  }
  return text + "vars currentEpoch " + std::to_string(masters) + " lastVoteEpoch 0\n";
}

Result<std::vector<LocalNode>> ReadLayout(std::span<const std::string> nodes_confs) {
  std::vector<LocalNode> nodes;
  std::vector<std::string> master_ids;
  for (const std::string& text : nodes_confs) {
    std::string name = "nodes.conf of node " + std::to_string(nodes.size() + 1);
    auto topology = protocol::ParseClusterNodes(NodeLines(text), {"127.0.0.1", 0});
    if (!topology) return Fail(name + ": " + topology.error());
    auto me = std::find_if(topology->nodes.begin(), topology->nodes.end(),
                           [](const protocol::ClusterNode& node) { return node.is_asked; });
    if (me == topology->nodes.end()) return Fail(name + " does not say which node it is of");
    LocalNode node{.id = me->id, .port = me->endpoint.port, .master = -1, .slots = {}};
    if (me->is_master) {
      node.slots = SlotsText(*topology, static_cast<std::uint16_t>(me - topology->nodes.begin()));
    }
    nodes.push_back(std::move(node));
    master_ids.push_back(me->is_master ? std::string() : me->master_id);
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (master_ids[i].empty()) continue;
    auto master = std::find_if(nodes.begin(), nodes.end(),
                               [&](const LocalNode& node) { return node.id == master_ids[i]; });
    if (master == nodes.end()) {
      return Fail("the master of node " + std::to_string(i + 1) + " is not in this folder");
    }
    nodes[i].master = static_cast<int>(master - nodes.begin());
  }
  return nodes;
}

std::string QuoteForConf(std::string_view bytes) {
  std::string text = "\"";
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      text += "\\x";
      text += kHexDigits[byte >> 4];
      text += kHexDigits[byte & 15];
    } else {
      text += c;
    }
  }
  return text + "\"";
}

std::string ShardConfText(const LocalNode& node, std::string_view dir, std::string_view password) {
  std::string quoted = QuoteForConf(password);
  return "bind 127.0.0.1\n"
         "port " +
         std::to_string(node.port) +
         "\n"
         "dir " +
         QuoteForConf(dir) +
         "\n"
         "requirepass " +
         quoted +
         "\n"
         "masterauth " +
         quoted +
         "\n"
         "cluster-enabled yes\n"
         "cluster-config-file nodes.conf\n"
         "save \"\"\n";
}

std::string MakePassword(std::size_t length, const RandomBytes& random) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
  std::string password;
  while (password.size() < length) {
    std::uint8_t byte;
    random({&byte, 1});
    // Bytes beyond the last whole multiple would favour the first letters.
    if (byte < 256 / kAlphabet.size() * kAlphabet.size()) {
      password += kAlphabet[byte % kAlphabet.size()];
    }
  }
  return password;
}

}  // namespace slotway::proxy
