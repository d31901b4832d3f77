// SPDX-License-Identifier: Apache-2.0
// A keyspace as it was at one moment, taken piece by piece while it goes on changing: no fork.
//
// Every record has a stamp of one bit. Between captures all records of a keyspace have the same;
// BeginCapture() turns the keyspace's own stamp around, so that every record is unstamped at once.
// A walk hands out unstamped records and stamps them; whatever changes, deletes, expires, evicts,
// renames or frees a record hands it out first if it is unstamped. New records are stamped. So each
// record of that moment is handed out once, as it was then. Tables may grow, shrink and be flushed:
// the walk has SCAN's guarantee, and what is flushed is handed out before it is freed.
// A capture that was begun has to be walked to its end (what is not wanted is thrown away).
// Engine thread only.
#pragma once

#include "storage/engine/entry.h"

namespace slotway::storage {

class EntryCapture {
 public:
  virtual ~EntryCapture() = default;
  // The entry is good during the call, which must not change the keyspace.
  virtual void Capture(const Entry& entry) = 0;
};

}  // namespace slotway::storage
