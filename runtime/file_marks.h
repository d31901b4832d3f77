// SPDX-License-Identifier: Apache-2.0
// Whether files are still the ones they were: replaced, rewritten or gone counts as changed, and so
// does a symbolic link on the way that points elsewhere. Not thread-safe.
#pragma once

#include <string>
#include <sys/stat.h>
#include <vector>

namespace slotway::runtime {

class FileMarks {
 public:
  FileMarks() = default;
  explicit FileMarks(std::vector<std::string> paths) : paths_(std::move(paths)) { Look(); }

  // Whether anything has changed since the last look; this is one, too.
  bool HaveChanged() {
    std::vector<Mark> before = std::move(marks_);
    Look();
    return marks_ != before;
  }

 private:
  struct Mark {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = -1;
    time_t seconds = 0;
    long nanoseconds = 0;
    bool operator==(const Mark&) const = default;
  };

  void Look() {
    marks_.clear();
    for (const std::string& path : paths_) {
      struct stat status {};
      Mark mark;
      if (stat(path.c_str(), &status) == 0) {
        mark = {status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
                status.st_mtim.tv_nsec};
      }
      marks_.push_back(mark);
    }
  }

  std::vector<std::string> paths_;
  std::vector<Mark> marks_;
};

}  // namespace slotway::runtime
