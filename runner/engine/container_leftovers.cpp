#include "runner/engine/container_leftovers.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runner/engine/container_command.h"
#include "runner/engine/container_image_tag.h"

namespace runner {
namespace {

using Json = nlohmann::json;

constexpr dsl::Duration kPause{100};
constexpr int kMostRounds = 600;

/// Lists, removes everything listed at once, and lists again until nothing is there: a removal that
/// is already under way is a refusal (409), and only the next list knows when it is done.
class Reaper : public std::enable_shared_from_this<Reaper> {
 public:
  Reaper(EventLoop& loop, ContainerApi& api, Leftovers whose, std::function<void(dsl::Status)> done)
      : loop_(loop), api_(api), whose_(std::move(whose)), done_(std::move(done)) {
    Json labels = Json::array({fmt::format("{}={}", kStoreLabel, whose_.store)});
    if (!whose_.run.empty())
      labels.push_back(fmt::format("{}={}", kRunLabel, whose_.run.value));
    filters_ = encode_query(Json{{"label", labels}}.dump());
  }

  void list_containers() {
    list("/containers/json?all=1&filters=" + filters_,
         [self = shared_from_this()](const Json& reply) {
           std::vector<std::string> paths;
           for (const Json& container : reply)
             paths.push_back(fmt::format("/containers/{}?force=1&v=1", container.value("Id", "")));
           if (paths.empty())
             self->list_volumes();
           else
             self->remove(paths, [self] { self->list_containers(); });
         });
  }

 private:
  void list_volumes() {
    list("/volumes?filters=" + filters_, [self = shared_from_this()](const Json& reply) {
      std::vector<std::string> paths;
      if (reply.contains("Volumes") && reply["Volumes"].is_array()) {
        for (const Json& volume : reply["Volumes"])
          paths.push_back(fmt::format("/volumes/{}?force=1", volume.value("Name", "")));
      }
      if (!paths.empty())
        self->remove(paths, [self] { self->list_volumes(); });
      else if (self->whose_.run.empty())
        self->list_images();
      else
        self->done_(dsl::Ok{});
    });
  }

  /// One that a container of somebody else is made from stays, which its engine sees to.
  void list_images() {
    list("/images/json", [self = shared_from_this()](const Json& reply) {
      std::vector<std::string> paths;
      for (const Json& image : reply) {
        if (!image.contains("RepoTags") || !image["RepoTags"].is_array())
          continue;
        for (const Json& tag : image["RepoTags"]) {
          if (tag.is_string() && is_tag_of(tag.get<std::string>(), self->whose_.store))
            paths.push_back("/images/" + tag.get<std::string>());
        }
      }
      if (paths.empty())
        self->done_(dsl::Ok{});
      else
        self->remove(paths, [self] { self->done_(dsl::Ok{}); });
    });
  }

  void list(const std::string& path, std::function<void(const Json&)> then) {
    ApiCall call;
    call.path = path;
    api_.call(call,
              [self = shared_from_this(), then = std::move(then)](dsl::Result<ApiReply> reply) {
                if (!reply) {
                  self->done_(reply.error().within("list what is left"));
                  return;
                }
                const Json json = Json::parse(reply->body, nullptr, false);
                if (!reply->ok() || json.is_discarded()) {
                  self->done_(dsl::Error{"list what is left: " + reply->message(), ""});
                  return;
                }
                then(json);
              });
  }

  void remove(const std::vector<std::string>& paths, std::function<void()> then) {
    if (++rounds_ > kMostRounds) {
      done_(dsl::Error{
          fmt::format("{} containers or volumes cannot be removed{}{}",
                      paths.size(),
                      refusal_.empty() ? "" : ": ",
                      refusal_),
          fmt::format("see which: docker ps -a --filter label={}={}", kStoreLabel, whose_.store)});
      return;
    }
    auto left = std::make_shared<std::size_t>(paths.size());
    for (const std::string& path : paths) {
      ApiCall call;
      call.method = "DELETE";
      call.path = path;
      api_.call(call, [self = shared_from_this(), left, then](const dsl::Result<ApiReply>& reply) {
        if (reply && !reply->ok())
          self->refusal_ = reply->message();
        if (--*left > 0)
          return;
        self->loop_.start_timer(self->rounds_ == 1 ? dsl::Duration{0} : kPause,
                                [then, self] { then(); });
      });
    }
  }

  EventLoop& loop_;
  ContainerApi& api_;
  const Leftovers whose_;
  std::function<void(dsl::Status)> done_;
  std::string filters_;
  std::string refusal_;
  int rounds_ = 0;
};

}  // namespace

void remove_container_leftovers(EventLoop& loop,
                                ContainerApi& api,
                                const Leftovers& whose,
                                std::function<void(dsl::Status)> done) {
  if (whose.store.empty()) {
    loop.post([done = std::move(done)] { done(dsl::Ok{}); });
    return;
  }
  std::make_shared<Reaper>(loop, api, whose, std::move(done))->list_containers();
}

}  // namespace runner
