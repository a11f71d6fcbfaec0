// The photograph in a multipart/form-data body (RFC 7578), as browsers and `curl -F photograph=@x.jpg` send it.
//
// cpp-httplib has a parser of its own, which matches every header of a part with std::regex; a long one would end the
// process by a stack overflow.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace camo::program {

struct UploadedFile {
  std::string name;                // the last part of the file's name; "photograph" without one
  std::span<const uint8_t> bytes;  // within the body
};

/// Whether a Content-Type says multipart/form-data.
bool is_multipart(const std::string& content_type);

/// The first part named "photograph", else the first that is a file.  HttpError 400 if the body is not what its type
/// says, or has no such part.
UploadedFile uploaded_photograph(std::span<const uint8_t> body, const std::string& content_type);

/// What of a name may be shown: the part behind the last slash, at most 200 bytes, no control characters.
std::string shown_name(const std::string& name);

}  // namespace camo::program
