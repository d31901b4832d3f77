// SPDX-License-Identifier: Apache-2.0
// What `slotway local` can be told on its command line. Values; pure but for reading the file of
// --password-file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "runtime/result.h"

namespace slotway::proxy {

struct LocalClusterOptions {
  int shards = 3;
  int replicas = 1;                     // of each shard
  std::string bind = "127.0.0.1";       // of the proxy; shards always listen on 127.0.0.1
  std::uint16_t port = 32200;           // of the proxy; 0: any free one
  std::uint16_t admin_port = 32280;     // of the proxy; 0: no admin server
  std::uint16_t base_port = 0;          // of the first shard, the others follow; 0: any free ones
  std::uint32_t workers = 0;            // of the proxy; 0: one per core
  std::string password;                 // empty: one is made and printed
  std::filesystem::path dir;            // empty: a temporary one, removed at the end
  std::filesystem::path shard_program;  // empty: slotway-shard beside this program
  bool wants_help = false;
};

inline constexpr int kLocalNodesMax = 256;

// `args` are those behind `slotway local`: "--name value" or "--name=value".
runtime::Result<LocalClusterOptions> ParseLocalOptions(std::span<const std::string_view> args);

// What `slotway local --help` prints.
std::string_view LocalHelp();

}  // namespace slotway::proxy
