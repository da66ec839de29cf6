#pragma once

// The name that an image of ours has in a container engine: it derives from the content of what the
// image is made from, so that the next run finds it. Reads files: for the pool, not the loop
// thread.

#include <string>
#include <string_view>

#include "dsl/plan.h"
#include "dsl/result.h"

namespace runner {

/// "pipe-build:<digest>" (over the Dockerfile and every byte of the context), "pipe-rootfs:…" (over
/// names, sizes, owners and times of change: the tree is too big to be read), "pipe-archive:…".
/// REQUIRES: the image is one of these three kinds. An Error names the file that cannot be read.
/// Ends in "-<store>" unless that is "": what one store made, another may remove at any time.
dsl::Result<std::string> image_tag(const dsl::Image& image, const std::string& store);

/// Whether an image tagged so, as its engine names it ("localhost/pipe-rootfs:…"), was made for
/// this store.
bool is_tag_of(std::string_view tag, std::string_view store);

}  // namespace runner
