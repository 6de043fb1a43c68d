"""Videos of episodes joined to one file without encoding them again."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.container import OutputContainer


class VideoFile:
    """An mp4 that grows by whole videos of the same codec, size and frame rate.

    The same videos give the same bytes.
    """

    def __init__(self, path: Path, fps: int) -> None:
        """Open a new file."""
        import av

        path.parent.mkdir(parents=True, exist_ok=True)
        self.fps = fps
        self.frames = self.bytes = 0
        self._container: OutputContainer = av.open(
            str(path), "w", format="mp4", options={"fflags": "+bitexact"}
        )
        self._track: Any = None

    def add(self, content: bytes, frames: int) -> None:
        """Append the packets of an mp4 that holds so many frames, from 0 s on."""
        import av

        with av.open(io.BytesIO(content), "r") as source:
            track = source.streams.video[0]
            if self._track is None:
                self._track = self._container.add_stream_from_template(track, opaque=True)
            assert track.time_base is not None
            offset = round(self.frames / self.fps / track.time_base)
            for packet in source.demux(track):
                if packet.pts is None or packet.dts is None:
                    continue  # marks the end
                packet.pts += offset
                packet.dts += offset
                packet.stream = self._track
                self._container.mux(packet)
        self.frames += frames
        self.bytes += len(content)

    def close(self) -> None:
        """Write the file's index."""
        self._container.close()
