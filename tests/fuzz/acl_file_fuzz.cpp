// SPDX-License-Identifier: Apache-2.0
// Input: an ACL file, each of whose lines holds rules. Users that can be read can be written, and
// are the same when they are read again; whatever they may do can be asked.
#include <string>
#include <utility>
#include <vector>

#include "protocol/acl_file.h"
#include "protocol/acl_test_context.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace slotway::protocol;

AclUsers UsersOf(std::vector<AclUser> read) {
  AclUsers users(kContext);
  for (AclUser& user : read) users.Put(std::move(user));
  return users;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto read = ReadAclFile(slotway::fuzz::AsText(data, size), "users.acl", kContext);
  if (!read) {
    FUZZ_CHECK(!read.error().empty());
    return 0;
  }
  const AclUsers users = UsersOf(std::move(*read));
  for (const auto& [name, user] : users.All()) {
    for (const AclSelector& selector : user->Selectors()) {
      selector.AllowsKey("key:1", 3);
      selector.AllowsChannel("news", false);
      selector.AllowsChannel("n*", true);
    }
  }
  auto again = ReadAclFile(WriteAclFile(users), "users.acl", kContext);
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(UsersOf(std::move(*again)).Lines() == users.Lines());
  return 0;
}
