// SPDX-License-Identifier: Apache-2.0
// A long list: a row of listpacks, each as long as the settings allow.
//
//   nodes_:  [ listpack ] [ listpack ] ... [ listpack ]     none is empty
//
// Both ends are pushed to and popped from in constant time. The nodes at the ends have room to
// grow; a node that stops being one gives its room back. Inner nodes may be short after erasures;
// neighbours that fit into one node are joined when one of them is split or shrinks.
// Source of the limits: the description of list-max-listpack-size in redis.conf. One thread only.
// Views and positions end with the next change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <utility>

#include "storage/types/listpack.h"
#include "storage/types/value_limits.h"
#include "storage/types/value_object.h"

namespace slotway::storage {

// Whether one listpack of that many bytes and elements is within the limits.
bool FitsInListpack(const ListLimits& limits, std::size_t bytes, std::size_t count);
// The same with limits half as wide: a list that shrank to this becomes one listpack again.
bool FitsInHalfAListpack(const ListLimits& limits, std::size_t bytes, std::size_t count);

class Quicklist final : public ValueObject {
 public:
  struct Position {
    std::size_t node = 0;
    std::size_t offset = 0;  // in the node's listpack
  };

  Quicklist() = default;
  // With one node.
  explicit Quicklist(Listpack listpack);

  std::size_t MemoryBytes() const override { return sizeof *this + node_bytes_; }
  std::size_t ElementCount() const override { return count_; }
  std::size_t FreeSome(std::size_t max_elements) override;
  std::unique_ptr<ValueObject> Clone() const override;

  // REQUIRES of all below: positions are of elements, but for End().
  Position Begin() const { return {0, ListpackReader::kHeaderBytes}; }
  Position End() const { return {nodes_.size(), ListpackReader::kHeaderBytes}; }
  bool IsEnd(Position position) const { return position.node >= nodes_.size(); }
  Position Next(Position position) const;
  // REQUIRES: not Begin(). The last element's when given End().
  Position Previous(Position position) const;
  // End() when there is no such element. From the end when negative.
  Position Seek(std::int64_t index) const;
  ListpackElement At(Position position) const { return Reader(position.node).At(position.offset); }

  void PushFront(std::string_view text, const ListLimits& limits);
  void PushBack(std::string_view text, const ListLimits& limits);
  // Before the element, or at the end.
  void Insert(Position position, std::string_view text, const ListLimits& limits);
  void Replace(Position position, std::string_view text, const ListLimits& limits);
  // Returns the position of the element behind it.
  Position Erase(Position position);
  // `count` elements from the one with this index on, as far as there are any.
  void EraseRange(std::size_t index, std::size_t count);
  // A listpack of the size that others made, as a node of its own at the end.
  void AppendNode(Listpack listpack);

  std::size_t NodeCount() const { return nodes_.size(); }
  std::string_view NodeBytes(std::size_t node) const { return nodes_[node]->listpack.bytes(); }

 private:
  struct Node {
    Node(Listpack elements, std::size_t element_count)
        : listpack(std::move(elements)), count(element_count) {}
    Listpack listpack;
    std::size_t count;
  };

  ListpackReader Reader(std::size_t node) const { return nodes_[node]->listpack.reader(); }
  bool HasRoom(std::size_t node, std::string_view text, const ListLimits& limits) const;
  // Runs `change` on a node and keeps the sums true.
  template <class ChangeFn>
  void Change(std::size_t node, ChangeFn&& change);
  void AddNode(std::size_t node, Listpack listpack, std::size_t count);
  void RemoveNode(std::size_t node);
  // Cuts a node in two, so that `position` is the beginning of the second.
  void Split(Position position);
  // Joins a node with the one behind it if both fit into one.
  void JoinWithNext(std::size_t node, const ListLimits& limits);
  static std::size_t BytesOf(const Node& node) {
    return sizeof(void*) + sizeof node + node.listpack.Capacity();
  }

  std::deque<std::unique_ptr<Node>> nodes_;
  std::size_t count_ = 0;
  std::size_t node_bytes_ = 0;
};

}  // namespace slotway::storage
