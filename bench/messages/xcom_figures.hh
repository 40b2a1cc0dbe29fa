// What MySQL's XCom reached, for the column beside ours. Measured elsewhere (another machine's day, the same kind of machine:
// 2 cores, three processes on loopback), so a ratio is a rough one. XCom writes nothing to disk: our MEMORY is the like of it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace bench {

struct xcom_figure {
  std::size_t members;
  bool all_send;
  std::size_t payload_bytes;
  std::size_t outstanding;
  double per_second;
  double p50_us;  // 0: not known
};

inline constexpr std::array xcom_figures{
    xcom_figure{3, false, 64, 1, 6950, 120},      xcom_figure{3, false, 1024, 1, 6760, 134},
    xcom_figure{3, false, 16384, 1, 6620, 138},   xcom_figure{3, false, 262144, 1, 4970, 179},
    xcom_figure{3, false, 64, 1000, 592'000, 0},  xcom_figure{3, false, 1024, 1000, 340'000, 0},
    xcom_figure{3, false, 16384, 256, 79'900, 0}, xcom_figure{3, false, 262144, 32, 4190, 0},
    xcom_figure{3, true, 64, 1000, 785'000, 0},   xcom_figure{5, false, 64, 1, 2920, 264},
    xcom_figure{5, false, 64, 1000, 392'000, 0},
};

inline std::optional<xcom_figure> xcom_reached(std::size_t members, bool all_send, std::size_t payload_bytes,
                                               std::size_t outstanding) {
  auto const* const at = std::find_if(xcom_figures.begin(), xcom_figures.end(), [&](xcom_figure const& each) {
    return each.members == members && each.all_send == all_send && each.payload_bytes == payload_bytes &&
           each.outstanding == outstanding;
  });
  return at == xcom_figures.end() ? std::nullopt : std::optional(*at);
}

}  // namespace bench
