#pragma once

// Names of container images, as engines take them. Any thread; pure.

#include <string_view>

namespace dsl {

/// "debian:bookworm-slim", "registry.example:5000/a/b@sha256:…": letters, digits and "._-/:@", no
/// part of it empty or of dots alone, at most 400 bytes. An engine's address is made of it and a
/// command's argument, so that it must mean nothing else there.
bool is_image_reference(std::string_view text);

}  // namespace dsl
