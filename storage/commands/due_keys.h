// SPDX-License-Identifier: Apache-2.0
// While it lives, keys whose time has come are found as if it had not: for who is to see them
// before they are deleted. Nothing deletes them meanwhile. Engine thread only.
#pragma once

#include "storage/engine/keyspace.h"

namespace slotway::storage {

class DueKeysShown {
 public:
  explicit DueKeysShown(Keyspace& keyspace) : keyspace_(keyspace), mode_(keyspace.expiry_mode()) {
    keyspace.SetExpiryMode(ExpiryMode::kIgnore);
  }
  ~DueKeysShown() { keyspace_.SetExpiryMode(mode_); }
  DueKeysShown(const DueKeysShown&) = delete;
  DueKeysShown& operator=(const DueKeysShown&) = delete;

  // Whether they are to be deleted when they are met.
  bool AreDeletedLater() const { return mode_ == ExpiryMode::kDelete; }

 private:
  Keyspace& keyspace_;
  ExpiryMode mode_;
};

}  // namespace slotway::storage
