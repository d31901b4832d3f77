// SPDX-License-Identifier: Apache-2.0
// nodes.conf: a node's cluster state on disk, in Redis's own format, and the file that keeps it.
//
// Text and state convert without I/O; NodesConfFile does the I/O. Bytes from outside never crash
// the reader: anything out of form is an error that names its line. Engine thread.
//
//   id ip:port@cport[,hostname[,aux=value]...] flags master|- ping pong epoch link slot...
//   vars currentEpoch N lastVoteEpoch M [takingOver 1]
//
// with `takingOver`, which Redis skips, while a claim may overrule one that is still served, and
// slot: `5`, `0-100`, and on myself `[93->-id]` (migrating), `[77-<-id]` (importing).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/result.h"
#include "storage/cluster/cluster_state.h"
#include "storage/cluster/slot_guard.h"

namespace slotway::storage::cluster {

// A state without text is an empty file: a node that starts for the first time.
runtime::Result<ClusterState> ParseNodesConf(std::string_view text);
std::string FormatNodesConf(const ClusterState& state);

// One line of nodes.conf or of CLUSTER NODES, without its end. `with_aux` adds the fields that
// only the file has.
std::string FormatNodeLine(const ClusterState& state, NodeIndex index, bool with_aux,
                           EndpointView view = {});

class NodesConfFile {
 public:
  // Opens or creates the file and locks it for the life of this object and of the process: two
  // servers on one file would overwrite each other's votes.
  static runtime::Result<std::unique_ptr<NodesConfFile>> Open(std::filesystem::path path);
  ~NodesConfFile();
  NodesConfFile(const NodesConfFile&) = delete;
  NodesConfFile& operator=(const NodesConfFile&) = delete;

  runtime::Result<std::string> Read() const;
  // Replaces the file in one step: whole new file, fsync, rename, fsync of the folder.
  runtime::Result<void> Write(std::string_view text);

 private:
  NodesConfFile(std::filesystem::path path, int lock_fd)
      : path_(std::move(path)), lock_fd_(lock_fd) {}
  std::filesystem::path path_;
  int lock_fd_;
};

// Where this node listens, as its settings say.
struct MyAddress {
  std::string ip = {};  // announced; empty: keep what the file says
  std::uint16_t port = 0;
  std::uint16_t bus_port = 0;
  std::uint16_t other_port = 0;  // see ClusterNode
  std::string hostname = {};
};

// What a server does at its start: reads the file, or begins as a lone master with an id of
// `random_bytes`, and brings its own address up to date. Nothing is connected yet, and what this
// node alone suspected is forgotten. The caller then writes the file.
runtime::Result<ClusterState> LoadOrCreate(const NodesConfFile& file, const MyAddress& address,
                                           const std::array<std::uint8_t, 20>& random_bytes);

}  // namespace slotway::storage::cluster
