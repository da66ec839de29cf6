#include "runner/engine/lost_job.h"

namespace runner {

JobEnd lost_job(const dsl::Error& why) {
  JobEnd end;
  end.how = JobEnd::How::Lost;
  end.detail = why.remedy.empty() ? why.message : why.message + "; " + why.remedy;
  return end;
}

}  // namespace runner
