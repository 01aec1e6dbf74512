"""From which container to which: what a figure is taken of."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Way:
    published: str  # the publisher's container; "wire": the Spancast wire protocol
    asked: str  # the suffix that viewers ask for; none: as players of the wire
    prefix: str = ""  # of the names of its figures
    title: str = ""

    @property
    def publisher(self):
        return {"container": self.published}

    @property
    def target(self):
        return "/bench/{}" + self.asked

    @property
    def viewer(self):
        """Options of the load."""
        return {"target": self.target} | ({} if self.asked else {"wire": True})

    @property
    def same(self):
        """The viewers' container as it is: nothing to convert."""
        return dataclasses.replace(self, asked={"mpegts": ".ts", "mp4": ".mp4"}[self.published])


TS = Way("mpegts", ".ts")
FMP4 = Way("mp4", ".mp4", "fmp4_", "fMP4")
WIRE = Way("wire", "", "wire_", "Wire")
TS_TO_FMP4 = Way("mpegts", ".mp4", "ts_to_fmp4_", "TS to fMP4")
FMP4_TO_TS = Way("mp4", ".ts", "fmp4_to_ts_", "fMP4 to TS")
REMUX = (TS_TO_FMP4, FMP4_TO_TS)
