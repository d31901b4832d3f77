// SPDX-License-Identifier: Apache-2.0
// Which files an append-only log consists of, and in which order they are read.
//
//   file <name> seq <number> type <b|i|h>
// One line for each: at most one base, then the increments by number; what was replaced by a newer
// base is history until it has been deleted. Lines that begin with '#' are notes. Source: the
// manifest as Redis 7 writes it. A value; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"

namespace slotway::storage {

struct AofFile {
  std::string name;  // in the directory of the log
  std::uint64_t seq = 0;
};

struct AofManifest {
  std::optional<AofFile> base;
  std::vector<AofFile> increments;
  std::vector<AofFile> history;

  bool IsEmpty() const { return !base && increments.empty(); }
  // In the order in which they are read.
  std::vector<std::string> FilesToRead() const;
  // With the name of what it is to be: an RDB file, or commands.
  AofFile NextBase(const std::string& prefix, bool is_rdb) const;
  AofFile NextIncrement(const std::string& prefix) const;

  std::string Format() const;
  static runtime::Result<AofManifest> Parse(std::string_view text);
};

}  // namespace slotway::storage
