// SPDX-License-Identifier: Apache-2.0
#include "runtime/allocator_name.h"

#include <cstddef>

extern "C" {
__attribute__((weak)) int mallctl(const char* name, void* old_value, std::size_t* old_size,
                                  void* new_value, std::size_t new_size);
// That of AddressSanitizer, which takes the place of any other.
__attribute__((weak)) std::size_t __sanitizer_get_current_allocated_bytes();
}

namespace slotway::runtime {

std::string AllocatorName() {
  if (mallctl == nullptr || __sanitizer_get_current_allocated_bytes != nullptr) return "libc";
  const char* version = nullptr;
  std::size_t size = sizeof version;
  if (mallctl("version", &version, &size, nullptr, 0) != 0) return "jemalloc";
  const std::string text(version);  // "5.3.0-0-g54eaed1d8b56..."
  return "jemalloc-" + text.substr(0, text.find('-'));
}

}  // namespace slotway::runtime
