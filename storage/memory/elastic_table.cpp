// SPDX-License-Identifier: Apache-2.0
#include "storage/memory/elastic_table.h"

namespace slotway::storage {

std::uint32_t ElasticTable::SplitDirectory(std::uint64_t hash, std::uint32_t left) {
  if (!directory_) {
    directory_ = std::make_unique<Directory>();
    directory_->size = root_.size();
    directory_->node_of_prefix.push_back(0);
    directory_->nodes.push_back({std::exchange(root_, BucketTable{}), 0});
  }
  Directory& directory = *directory_;
  const int depth = ++directory.nodes[left].depth;
  if (depth > directory.depth) {
    std::vector<std::uint32_t> doubled;
    doubled.reserve(directory.node_of_prefix.size() * 2);
    for (const std::uint32_t node : directory.node_of_prefix) {
      doubled.push_back(node);
      doubled.push_back(node);
    }
    directory.node_of_prefix = std::move(doubled);
    directory.depth = depth;
  }
  const auto right = static_cast<std::uint32_t>(directory.nodes.size());
  directory.nodes.push_back({BucketTable{}, depth});

  // The prefixes of the old node are one run; its upper half belongs to the new one.
  const std::size_t half = std::size_t{1} << (directory.depth - depth);
  const std::size_t run = directory.PrefixOf(hash) / (2 * half) * (2 * half);
  for (std::size_t i = 0; i < half; ++i) directory.node_of_prefix[run + half + i] = right;
  return right;
}

std::size_t ElasticTable::ShrinkPart(TableMemory& memory, std::size_t part, std::size_t& moved) {
  const std::size_t parts = directory_ ? directory_->nodes.size() : 1;
  if (part >= parts) return 0;
  BucketTable& table = directory_ ? directory_->nodes[part].table : root_;
  if (table.Shrink(memory)) moved += table.size();
  return (part + 1) % parts;
}

void ElasticTable::Clear(TableMemory& memory) {
  root_.Clear(memory);
  if (!directory_) return;
  memory.index_bytes -= directory_->Bytes();
  for (Node& node : directory_->nodes) node.table.Clear(memory);
  directory_.reset();
}

}  // namespace slotway::storage
