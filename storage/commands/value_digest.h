// SPDX-License-Identifier: Apache-2.0
// Digests of values, as DEBUG DIGEST and DIGEST-VALUE give them: equal on any two servers that hold
// the same, however they keep it. They are those of Redis.
//
// A digest is SHA-1 hashes joined: where order counts, each text is XORed in and the whole hashed
// again; where it does not, hashes are only XORed. Whether a key expires is part of it, not when.
#pragma once

#include "runtime/sha1.h"
#include "storage/engine/keyspace.h"

namespace slotway::storage {

// Mixes type, elements and expiry of a value into `digest`. REQUIRES: it is no stream.
void MixValue(runtime::Sha1Digest& digest, Keyspace& keyspace, const Entry& entry);
// Mixes all keys of a database in. What is due already is not there.
void MixDatabase(runtime::Sha1Digest& digest, int index, Keyspace& keyspace, std::int64_t now_ms);

}  // namespace slotway::storage
