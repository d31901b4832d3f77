// SPDX-License-Identifier: Apache-2.0
// The folder of a local cluster: settings, topology and log of each node.
//
// A temporary folder goes when this object or the process goes; one that was named stays. Files and
// folders can be read by their owner only: they hold the password. Locked against a second cluster.
// One thread.
//
//   node-1/shard.conf  node-1/nodes.conf  node-1/shard.log  node-2/...  password  lock
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/tools/folder_janitor.h"
#include "runtime/result.h"

namespace slotway::proxy {

class LocalFolder {
 public:
  // Makes the folder if there is none. An empty path: a temporary one.
  static runtime::Result<std::unique_ptr<LocalFolder>> Open(const std::filesystem::path& path);
  ~LocalFolder();
  LocalFolder(const LocalFolder&) = delete;
  LocalFolder& operator=(const LocalFolder&) = delete;

  const std::filesystem::path& Path() const { return path_; }  // absolute
  bool IsTemporary() const { return janitor_ != nullptr; }
  // "node-1" for place 0.
  std::filesystem::path NodeFolder(std::size_t place) const;

  // What an earlier cluster left: one text per node; none in a new folder.
  std::vector<std::string> ReadNodesConfs() const;
  std::string ReadPassword() const;

  runtime::Result<void> WriteNodeFile(std::size_t place, std::string_view name,
                                      std::string_view text) const;
  runtime::Result<void> WritePassword(std::string_view password) const;

 private:
  LocalFolder(std::filesystem::path path, std::unique_ptr<FolderJanitor> janitor, int lock_fd)
      : path_(std::move(path)), janitor_(std::move(janitor)), lock_fd_(lock_fd) {}

  std::filesystem::path path_;
  std::unique_ptr<FolderJanitor> janitor_;  // of a temporary folder
  int lock_fd_;
};

}  // namespace slotway::proxy
