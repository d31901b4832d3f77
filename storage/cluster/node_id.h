// SPDX-License-Identifier: Apache-2.0
// The small types of cluster state: node ids, places in the node list, epochs, node flags.
//
// Values; any thread. Strong types, so that an epoch is never taken for an offset, nor a node's
// place for a slot.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace slotway::storage::cluster {

// 40 lower-case hexadecimal digits; also the form of a shard id.
class NodeId {
 public:
  static constexpr std::size_t kLength = 40;

  NodeId() { text_.fill('0'); }
  // Nothing unless `text` is 40 digits of 0-9a-f.
  static std::optional<NodeId> Parse(std::string_view text);
  // Makes an id of 20 random bytes; the caller owns the randomness.
  static NodeId FromRandomBytes(const std::array<std::uint8_t, 20>& bytes);

  std::string_view Text() const { return {text_.data(), text_.size()}; }
  bool operator==(const NodeId& other) const { return Text() == other.Text(); }
  std::strong_ordering operator<=>(const NodeId& other) const {
    return std::memcmp(text_.data(), other.text_.data(), kLength) <=> 0;
  }

 private:
  std::array<char, kLength> text_;
};

// Ids are random already.
struct NodeIdHash {
  std::size_t operator()(const NodeId& id) const {
    std::uint64_t first;
    std::memcpy(&first, id.Text().data(), sizeof(first));
    return first;
  }
};

// A node's place in ClusterState's list. Valid until a node is removed.
enum class NodeIndex : std::uint16_t {};
inline constexpr NodeIndex kNoNode{0xffff};
inline constexpr std::size_t kNodesMax = 0xfffe;

enum class Epoch : std::uint64_t {};
constexpr std::uint64_t ToInt(Epoch epoch) { return static_cast<std::uint64_t>(epoch); }

// What a node is, and what is known of its health, in the order in which texts list them.
enum class NodeFlag : std::uint16_t {
  kMyself = 1u << 0,
  kMaster = 1u << 1,
  kReplica = 1u << 2,    // "slave"
  kSuspected = 1u << 3,  // "fail?": this node alone thinks so
  kFailed = 1u << 4,     // "fail": agreed by a majority
  kHandshake = 1u << 5,
  kNoAddress = 1u << 6,   // "noaddr"
  kNoFailover = 1u << 7,  // "nofailover"
};

class NodeFlags {
 public:
  constexpr NodeFlags() = default;
  constexpr NodeFlags(NodeFlag flag) : bits_(static_cast<std::uint16_t>(flag)) {}
  constexpr bool Has(NodeFlag flag) const { return (bits_ & static_cast<unsigned>(flag)) != 0; }
  constexpr void Set(NodeFlag flag) {
    bits_ = static_cast<std::uint16_t>(bits_ | static_cast<unsigned>(flag));
  }
  constexpr void Clear(NodeFlag flag) {
    bits_ = static_cast<std::uint16_t>(bits_ & ~static_cast<unsigned>(flag));
  }
  constexpr bool operator==(const NodeFlags&) const = default;

 private:
  std::uint16_t bits_ = 0;
};
constexpr NodeFlags operator|(NodeFlags flags, NodeFlag flag) {
  flags.Set(flag);
  return flags;
}

// "myself,master"; "noflags" if none is set.
std::string FlagsText(NodeFlags flags);
// Nothing if a word is unknown.
std::optional<NodeFlags> ParseFlags(std::string_view text);

}  // namespace slotway::storage::cluster
