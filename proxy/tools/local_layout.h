// SPDX-License-Identifier: Apache-2.0
// Which nodes a local cluster has, which slots they own, and the files that tell them so.
//
// Pure: texts in, texts out; randomness and ports are parameters. nodes.conf is a shard's
// cluster-config-file, shard.conf its settings.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"

namespace slotway::proxy {

struct LocalNode {
  std::string id;          // 40 hexadecimal digits
  std::uint16_t port = 0;  // on 127.0.0.1
  int master = -1;         // place of a replica's master in the list; -1: is a master
  std::string slots;       // of a master: "0-5460 6000"
};

using RandomBytes = std::function<void(std::span<std::uint8_t>)>;

// Masters first, in the order of their slots, which are shared out evenly; then the replicas, one
// of each master after the other. `ports` holds one for each node.
std::vector<LocalNode> LayOutCluster(int shards, int replicas, std::span<const std::uint16_t> ports,
                                     const RandomBytes& random);

// The nodes.conf of the node at `place`.
std::string NodesConfText(std::span<const LocalNode> nodes, std::size_t place);

// Reads the layout of a cluster that was there before; `nodes_confs` holds the nodes.conf of each
// node, and the answer keeps their order.
runtime::Result<std::vector<LocalNode>> ReadLayout(std::span<const std::string> nodes_confs);

// The shard.conf of a node, in redis.conf syntax. Holds the password: for its owner's eyes only.
std::string ShardConfText(const LocalNode& node, std::string_view dir, std::string_view password);

// `bytes` as one word of redis.conf, in double quotes.
std::string QuoteForConf(std::string_view bytes);

// A password of `length` letters and digits.
std::string MakePassword(std::size_t length, const RandomBytes& random);

}  // namespace slotway::proxy
